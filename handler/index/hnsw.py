"""The HNSW graph over the vectors of a version: built, carried over to the next version, searched."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from usearch.compiled import MetricKind, ScalarKind
from usearch.index import Index

from handler.index.arrays import Codes, Rows
from handler.index.manifest import IndexFiles

# With these, recall@10 over 100,000 is 0.991 against exact float32, where the scan itself has 0.994.
CONNECTIVITY = 32
EXPANSION_ADD = 256
EXPANSION_SEARCH = 300
ADDED_TOGETHER = 2000
# A vector that a later version lacks stays in the graph, unseen, up to this share of those that the version has.
# (Taken out by the library, version 2.25.3, some hundred of them make the graph crash when it is loaded again.)
MAX_GONE = 0.2


class Graph:
    """A graph opened for reading. In it, each vector has a key of its own, which it keeps from version to version."""

    def __init__(self, index: Index, keys: Rows) -> None:
        """Compose from a graph and the keys of the rows, shape (n,); other keys in the graph are those of no row."""
        self._index = index
        self._total = len(index)
        self._gone = self._total - len(keys)
        self._rows = np.full(self._total, -1, np.int64)
        self._rows[keys] = np.arange(len(keys))

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
        """Return about the nearest rows to one quantized vector, shape (dimension,): `k` or some more of them.

        Where most of the neighbourhood is gone, None: a scan takes less time than a longer search.
        """
        for times in (1, 4):
            wanted = min(times * (k + min(k, self._gone)), self._total)
            rows: Rows = self._rows[self._index.search(code, wanted).keys.astype(np.int64)]
            rows = rows[rows >= 0]
            if len(rows) >= k:
                return rows
        return None


def build_graph(folder: Path, codes: Codes, threads: int) -> Iterator[int]:
    """Build the graph over `codes`, shape (n, dimension), in `folder`, yielding how many are in it so far."""
    index = _empty(codes.dtype, codes.shape[1])
    yield from _add(index, codes, np.arange(len(codes)), np.arange(len(codes)), threads)
    index.save(str(folder / IndexFiles.GRAPH))


def fits(before: Path, kept: int, now: int) -> bool:
    """Tell whether the graph in `before` can be carried over to a version of `now` vectors, of which it has `kept`."""
    path = before / IndexFiles.GRAPH
    about = Index.metadata(str(path)) if path.exists() else None
    return about is not None and about["count_present"] + now - kept <= (1 + MAX_GONE) * now


def update_graph(
    before: Path, kept: tuple[Rows, Rows], folder: Path, codes: Codes, threads: int
) -> Iterator[int]:
    """Carry the graph in `before` over to `folder`, yielding how many vectors are in it so far.

    Args:
        before: folder of an earlier version.
        kept: rows of the vectors that both have, in the earlier version and in this one, shapes (m,).
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
    """Return the key of each of `count` rows; in a graph that was built at once, that is the row.

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
