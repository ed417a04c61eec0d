"""A file of the store of which blocks are fetched when they are read."""

import mmap
import os
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt

from handler.errors import CacheFull, ObjectNotFound, StoreError
from handler.index.arrays import Rows
from handler.index.block_file import BLOCK, SUM, Fetch, sums_of
from handler.versions.stored_folder import StoredFolder

# So many blocks that are here already, or that nobody reads, are fetched rather than that another
# request is made: waiting for its first byte costs as much.
GAP = 2
# Blocks of one request at most, of a search and of the filling in the background.
RUN, FILLING = 256, 1024


@dataclass(slots=True, kw_only=True)
class Traffic:
    """What was fetched from the store, and how many of the blocks that were read were here."""

    bytes: int = 0
    requests: int = 0
    blocks_read: int = 0
    blocks_here: int = 0

    @property
    def hit_rate(self) -> float:
        """Share of blocks that were here when they were read; 1 if none was read."""
        return self.blocks_here / self.blocks_read if self.blocks_read else 1.0

    def shown(self) -> dict[str, float]:
        """Return the figures that `/ready` and the log show."""
        rate = round(self.hit_rate, 4)
        return {"bytes": self.bytes, "ranges": self.requests, "block_hit_rate": rate}


class Blocks:
    """The blocks that have arrived, in a sparse file; `here` tells which."""

    def __init__(self, path: Path, size: int) -> None:
        """Make the file, without any block; it goes with this object.

        Raises:
            OSError: it can't be made.
        """
        self.path = path
        self.here = np.zeros(-(-size // BLOCK), bool)
        with path.open("x+b") as file:
            file.truncate(size)
            # Views of the file stay valid when it is gone.
            self.data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, _remove, self._descriptor, path)

    def put(self, first: int, body: bytes) -> None:
        """Write blocks that were verified, from block `first`.

        Raises:
            OSError: the disk is full.
        """
        at, left = first * BLOCK, memoryview(body)
        while left:
            written = os.pwrite(self._descriptor, left, at)
            at, left = at + written, left[written:]
        self.here[first : first + -(-len(body) // BLOCK)] = True


class RemoteFile:
    """A file of the store; each block is verified by its checksum when it is fetched.

    Blocks stay on the disk of this machine, up to a number of bytes; then it begins anew. Threads
    may share it.
    """

    def __init__(
        self,
        files: StoredFolder,
        name: str,
        size: int,
        *,
        sums: bytes,
        scratch: Path,
        traffic: Traffic,
        most_bytes: int = 1 << 62,
    ) -> None:
        """Prepare; nothing is fetched yet.

        Args:
            files: the folder of the store that has the file.
            name: its name there.
            size: its bytes.
            sums: checksums of its blocks, of SUM bytes each.
            scratch: folder for the blocks, which nobody else uses.
            traffic: where is counted what is fetched.
            most_bytes: bytes of blocks that are kept.
        """
        self.files = files
        self.name = name
        self._size = size
        self._sums = sums
        self._scratch = scratch
        self._most = most_bytes // BLOCK
        self._whole = False
        self._traffic = traffic
        self._lock = Lock()
        self._made = 0
        self._blocks = self._empty()

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._size

    def continue_with(self, files: StoredFolder, most_bytes: int) -> None:
        """Go on with another connection, or with another bound of the bytes that are kept."""
        self.files = files
        self._most = most_bytes // BLOCK + 1

    def plan(self, starts: Rows, ends: Rows, /) -> tuple[memoryview, list[Fetch]]:
        """Return the file's bytes, and what fetches those from starts[i] to ends[i]."""
        if self._whole:
            return self._blocks.data, []
        wanted = _covering(starts // BLOCK, -(-ends // BLOCK), len(self._blocks.here))
        with self._lock:
            missing = np.flatnonzero(wanted & ~self._blocks.here)
            count = int(wanted.sum())
            self._traffic.blocks_read += count
            self._traffic.blocks_here += count - len(missing)
            if len(missing) and int(self._blocks.here.sum()) + len(missing) > self._most:
                if self._blocks.here.any():
                    self._blocks = self._empty()
                missing = np.flatnonzero(wanted)
            blocks = self._blocks
        return blocks.data, [
            partial(self._fetch, blocks, first, end) for first, end in _runs(missing, GAP, RUN)
        ]

    def fill(self) -> Iterator[int]:
        """Fetch what is missing, and yield the bytes of each step.

        Raises:
            StoreError: the store or the disk fails; another call goes on where this one ended.
        """
        blocks = self._blocks
        for first, end in _runs(np.flatnonzero(~blocks.here), 0, FILLING):
            if blocks is not self._blocks:
                return
            self._fetch(blocks, first, end)
            yield (end - first) * BLOCK

    def keep(self, path: Path) -> bool:
        """Make the file appear at `path` if it is whole, and tell whether it is.

        Raises:
            OSError: it can't be linked to.
        """
        blocks = self._blocks
        self._whole = self._whole or bool(blocks.here.all())
        if not self._whole:
            return False
        if not path.exists():
            os.link(blocks.path, path)
        return True

    def _empty(self) -> Blocks:
        self._made += 1
        try:
            return Blocks(self._scratch / f"{self.name}-{self._made}", self._size)
        except OSError as cause:
            raise self._full(cause) from cause

    def _full(self, cause: OSError) -> StoreError:
        return CacheFull(
            f"{self._scratch.parent} can't be written: {cause.strerror}; "
            "give the function more disk, or set QUERYTOWER_CACHE to a larger folder"
        )

    def _fetch(self, blocks: Blocks, first: int, end: int) -> None:
        """Fetch, verify and keep the blocks from `first` to `end`."""
        body = self._verified(first, end)
        try:
            blocks.put(first, body)
        except OSError as cause:
            raise self._full(cause) from cause

    def _verified(self, first: int, end: int) -> bytes:
        """Fetch blocks, once more if a request fails in the middle or brings something else."""
        try:
            return self._once(first, end)
        except ObjectNotFound:
            raise
        except StoreError:
            return self._once(first, end)

    def _once(self, first: int, end: int) -> bytes:
        start, stop = first * BLOCK, min(end * BLOCK, self._size)
        body = self.files.get_range(self.name, start, stop)
        self._traffic.requests += 1
        self._traffic.bytes += len(body)
        if sums_of(body) != self._sums[first * SUM : end * SUM]:
            raise StoreError(
                f"{self.files.url}/{self.name}: bytes {start} to {stop} are not those that were "
                "uploaded; the file was altered; roll back, or index again"
            )
        return body


def _remove(descriptor: int, path: Path) -> None:
    os.close(descriptor)
    path.unlink(missing_ok=True)


def _covering(first: Rows, end: Rows, count: int) -> npt.NDArray[np.bool_]:
    """Tell which of `count` blocks lie in one of the ranges from first[i] to end[i]."""
    changes = np.bincount(first, minlength=count + 1) - np.bincount(end, minlength=count + 1)
    covered: npt.NDArray[np.bool_] = np.cumsum(changes)[:count] > 0
    return covered


def _runs(blocks: Rows, gap: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of at most `most` blocks that hold all `blocks`, which are ascending."""
    if not len(blocks):
        return
    breaks = np.flatnonzero(np.diff(blocks) > gap + 1) + 1
    firsts = blocks[np.concatenate([[0], breaks])].tolist()
    lasts = blocks[np.concatenate([breaks - 1, [len(blocks) - 1]])].tolist()
    for first, last in zip(firsts, lasts, strict=True):
        for start in range(first, last + 1, most):
            yield start, min(start + most, last + 1)
