"""Files of a version that are read in part: mapped into memory, or fetched block by block."""

import hashlib
import mmap
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol, Self

import numpy as np

from handler.index.arrays import Rows

BLOCK = 4096
"""Bytes of a block, the least that is fetched; each has a checksum."""
SUM = 16
"""Bytes of a checksum."""
PARALLEL = 32
"""Ranges that one round fetches at a time; each mostly waits for the first byte."""

NONE: Rows = np.empty(0, np.int64)

Fetch = Callable[[], None]


class BlockFile(Protocol):
    """A file that is here or is fetched as far as it is read."""

    @property
    def size(self) -> int:
        """Bytes of the file."""

    def plan(self, starts: Rows, ends: Rows, /) -> tuple[memoryview, list[Fetch]]:
        """Return the file's bytes, and what must be called before some of them are read.

        Those are the bytes from starts[i] to ends[i], shape (n,).
        """


class MappedFile:
    """A file that is mapped into memory."""

    def __init__(self, data: memoryview) -> None:
        """Compose from the bytes of the file."""
        self._data = data

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map a file into memory.

        Raises:
            OSError: it can't be read.
        """
        with path.open("rb") as file:
            if not path.stat().st_size:
                return cls(memoryview(b""))
            return cls(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self._data)

    def plan(self, _starts: Rows, _ends: Rows, /) -> tuple[memoryview, list[Fetch]]:
        """Return the file's bytes; nothing has to be fetched."""
        return self._data, []


Remote = Mapping[Path, BlockFile]
"""Files that are not on this machine, by the paths at which they would be."""
NOTHING_REMOTE: Remote = {}


def open_file(path: Path, remote: Remote) -> BlockFile:
    """Return a file that is remote, or map the one at `path` into memory.

    Raises:
        OSError: it can't be read.
    """
    return remote.get(path) or MappedFile.open(path)


class Spans(NamedTuple):
    """Bytes of one file, from starts[i] to ends[i]; both of shape (n,)."""

    file: BlockFile
    starts: Rows
    ends: Rows


def read_spans(wanted: Sequence[Spans]) -> list[memoryview]:
    """Return the bytes of each file, of which the wanted ones may be read.

    What has to be fetched is fetched in one round.

    Raises:
        StoreError: it can't be fetched.
    """
    plans = [each.file.plan(each.starts, each.ends) for each in wanted]
    fetches = [fetch for _, needed in plans for fetch in needed]
    if fetches:
        with ThreadPoolExecutor(min(PARALLEL, len(fetches))) as pool:
            for done in [pool.submit(fetch) for fetch in fetches]:
                done.result()
    return [data for data, _ in plans]


def sums_of(data: bytes | memoryview) -> bytes:
    """Return the checksums of blocks, one after the other; the last block may be short."""
    sums = [
        hashlib.blake2b(data[at : at + BLOCK], digest_size=SUM).digest()
        for at in range(0, len(data), BLOCK)
    ]
    return b"".join(sums)


def write_sums(path: Path) -> None:
    """Write the checksums of the file at `path` beside it; see `sums_path`."""
    target = sums_path(path)
    target.unlink(missing_ok=True)  # perhaps a link to that of another version
    data, _ = MappedFile.open(path).plan(NONE, NONE)
    target.write_bytes(sums_of(data))


def sums_path(path: Path) -> Path:
    """Return where the checksums of the file at `path` are."""
    return path.with_suffix(".sums")
