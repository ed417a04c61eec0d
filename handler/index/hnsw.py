"""The HNSW graph over the vectors of a version: build, carry over, search."""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from usearch.compiled import MetricKind, ScalarKind
from usearch.index import Index

from handler.index.arrays import Codes, Rows
from handler.index.manifest import IndexFiles

# Recall@10 over 100,000 vectors, against exact float32: 0.991; an exact scan of int8 has 0.994.
CONNECTIVITY = 32
EXPANSION_ADD = 256
EXPANSION_SEARCH = 300
ADDED_TOGETHER = 2000
# Vectors that a later version lacks stay in the graph as dead keys, up to this share of the live
# ones. (After `remove` of some hundred vectors, usearch 2.25.3 crashes when it loads the graph.)
MAX_GONE = 0.2


class Graph:
    """A graph opened for reading. A vector keeps its key from version to version."""

    def __init__(self, index: Index, keys: Rows) -> None:
        """Compose from a graph and the key of each row, shape (n,); other keys are dead."""
        self._index = index
        self._total = len(index)
        self._gone = self._total - len(keys)
        self._rows = np.full(self._total, -1, np.int64)
        self._rows[keys] = np.arange(len(keys))
        # usearch releases Python's lock, but all its searches share one list of candidates.
        self._lock = Lock()

    @classmethod
    def open(cls, folder: Path, dtype: npt.DTypeLike, dimension: int, count: int) -> Self:
        """Map the graph in `folder` over `count` vectors into memory.

        Raises:
            ValueError: its keys are not those of so many vectors.
            RuntimeError: it can't be read.
        """
        index = _empty(dtype, dimension)
        index.view(str(folder / IndexFiles.GRAPH))
        # Reading a graph sets it back to the library's default.
        setattr(index, "expansion_search", EXPANSION_SEARCH)  # noqa: B010  (its type stub says read-only)
        keys = read_keys(folder, count)
        if keys.max(initial=-1) >= len(index):
            raise ValueError(
                f"{folder / IndexFiles.GRAPH} has {len(index)} vectors, fewer than its version"
            )
        return cls(index, keys)

    def search(self, code: Codes, k: int) -> Rows | None:
        """Return `k` or more rows that are nearly the nearest to one code, shape (dimension,).

        Return None where most of the neighbourhood is dead: then a scan is faster.
        """
        for times in (1, 4):
            wanted = min(times * (k + min(k, self._gone)), self._total)
            with self._lock:
                keys = self._index.search(code, wanted).keys
            rows: Rows = self._rows[keys.astype(np.int64)]
            rows = rows[rows >= 0]
            if len(rows) >= k:
                return rows
        return None


def build_graph(folder: Path, codes: Codes, threads: int) -> Iterator[int]:
    """Build the graph over `codes` (n, dimension) in `folder`; yield the number added so far."""
    index = _empty(codes.dtype, codes.shape[1])
    yield from _add(index, codes, np.arange(len(codes)), np.arange(len(codes)), threads)
    index.save(str(folder / IndexFiles.GRAPH))


def fits(before: Path, kept: int, now: int) -> bool:
    """Tell whether the graph in `before`, with `kept` of `now` vectors, can be carried over."""
    path = before / IndexFiles.GRAPH
    about = Index.metadata(str(path)) if path.exists() else None
    return about is not None and about["count_present"] + now - kept <= (1 + MAX_GONE) * now


def update_graph(
    before: Path, kept: tuple[Rows, Rows], folder: Path, codes: Codes, threads: int
) -> Iterator[int]:
    """Carry the graph in `before` over to `folder`; yield the number of vectors so far.

    Args:
        before: folder of an earlier version.
        kept: rows of the vectors in both versions, in the earlier and in this one, shapes (m,).
        folder: where the graph is written.
        codes: vectors of this version, shape (n, dimension).
        threads: CPUs to use.
    """
    index = _empty(codes.dtype, codes.shape[1])
    index.load(str(before / IndexFiles.GRAPH))
    old, new = kept
    keys = np.full(len(codes), -1, np.int64)
    keys[new] = old if (old_keys := _keys(before)) is None else old_keys[old]
    fresh = np.flatnonzero(keys < 0)
    keys[fresh] = np.arange(len(fresh)) + len(index)
    for added in _add(index, codes, fresh, keys[fresh], threads):
        yield len(old) + added
    index.save(str(folder / IndexFiles.GRAPH))
    keys.astype("<u4").tofile(folder / IndexFiles.KEYS)


def read_keys(folder: Path, count: int) -> Rows:
    """Return the key of each of `count` rows; in a graph that was built in one go, the row itself.

    Raises:
        ValueError: there is another number of keys.
    """
    keys = _keys(folder)
    if keys is None:
        return np.arange(count)
    if len(keys) != count:
        raise ValueError(f"{folder / IndexFiles.KEYS} has {len(keys)} keys instead of {count}")
    return keys


def _keys(folder: Path) -> Rows | None:
    path = folder / IndexFiles.KEYS
    return np.fromfile(path, "<u4").astype(np.int64) if path.exists() else None


def _add(index: Index, codes: Codes, rows: Rows, keys: Rows, threads: int) -> Iterator[int]:
    for start in range(0, len(rows), ADDED_TOGETHER):
        some = slice(start, start + ADDED_TOGETHER)
        index.add(keys[some].astype(np.uint64), np.asarray(codes[rows[some]]), threads=threads)
        yield min(some.stop, len(rows))


def _empty(dtype: Any, dimension: int) -> Index:
    return Index(
        ndim=dimension,
        metric=MetricKind.Cos,
        dtype=ScalarKind.I8 if np.dtype(dtype) == np.int8 else ScalarKind.F16,
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        expansion_search=EXPANSION_SEARCH,
    )
