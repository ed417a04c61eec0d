"""Files of a version that are read in part: mapped into memory, or fetched block by block."""

import mmap
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from handler.index.arrays import Rows

PARALLEL = 32
"""Ranges that one round fetches at a time; each mostly waits for the first byte."""

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
