"""Vectors that are computed already: by the published version, or by an interrupted run."""

import hashlib
import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from handler.corpus.hashes import SIZE, Hashes, as_hashes
from handler.errors import StoreError
from handler.index.index_version import IndexVersion, Table
from handler.index.vectors import DTYPES, Precision

MAGIC = b"QTPART01"
HEADER = np.dtype(
    [("magic", "S8"), ("documents", "<u8"), ("passages", "<u8"), ("dimension", "<u8")]
)


class EncodedDocument(NamedTuple):
    """Passages of one document: `spans` (n, 2), `codes` (n, dimension), `scales` (n,)."""

    spans: npt.NDArray[np.uint32]
    codes: npt.NDArray[np.generic]
    scales: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedBatch:
    """Encoded documents: document i has text hash hashes[i], passages first[i]:first[i + 1]."""

    hashes: Hashes
    first: npt.NDArray[np.int64]
    spans: npt.NDArray[np.uint32]
    codes: npt.NDArray[np.generic]
    scales: npt.NDArray[np.float32]

    @classmethod
    def of(cls, hashes: Iterable[bytes], documents: Sequence[EncodedDocument]) -> Self:
        """Put documents together, one at least."""
        first = np.cumsum([0, *(len(each.scales) for each in documents)])
        spans, codes, scales = (np.concatenate(arrays) for arrays in zip(*documents, strict=True))
        return cls(hashes=as_hashes(hashes), first=first, spans=spans, codes=codes, scales=scales)

    @classmethod
    def of_version(cls, index: IndexVersion) -> list[Self]:
        """Return the vectors of an opened index version, by segment; nothing is read yet."""
        parts, row, passage = [], 0, 0
        hashes = index.hashes()
        for segment, (documents, passages) in zip(
            index.vectors.segments, index.manifest.segments, strict=True
        ):
            rows = slice(row, row + documents)
            spans = index.passages[passage : passage + passages]
            parts.append(
                cls(
                    hashes=hashes_of(hashes[rows], "text"),
                    first=index.bounds[row : row + documents + 1] - passage,
                    spans=np.stack([spans["start"], spans["end"]], axis=1),
                    codes=segment.codes,
                    scales=segment.scales,
                )
            )
            row, passage = row + documents, passage + passages
        return parts

    @classmethod
    def read(cls, path: Path, precision: Precision) -> Self:
        """Open a file that `write` made, mapped into memory.

        Raises:
            StoreError: it isn't one, or it is incomplete or altered.
        """
        with path.open("rb") as file:
            size = path.stat().st_size
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")
        whole = hashlib.blake2b(data[:-SIZE], digest_size=SIZE).digest() == data[-SIZE:]
        try:
            if not whole or data[:8] != MAGIC:
                raise ValueError
            return cls._parsed(data[:-SIZE], precision)
        except ValueError:
            raise StoreError(
                f"{path.name} is incomplete or was altered; its documents are encoded again"
            ) from None

    @classmethod
    def _parsed(cls, data: memoryview, precision: Precision) -> Self:
        """Return the batch in the bytes of a file, or raise ValueError if they don't fit together."""
        head = np.frombuffer(data, HEADER, 1)[0]
        n, m, dimension = int(head["documents"]), int(head["passages"]), int(head["dimension"])
        at = HEADER.itemsize

        def take(dtype: Any, count: int) -> npt.NDArray[Any]:
            nonlocal at
            if count * np.dtype(dtype).itemsize > len(data) - at:
                raise ValueError
            array = np.frombuffer(data, dtype, count, at)
            at += array.nbytes
            return array

        hashes, first, spans = (
            take(f"S{SIZE}", n),
            take(np.int64, n + 1),
            take(np.uint32, 2 * m).reshape(m, 2),
        )
        scales, codes = (
            take(np.float32, m),
            take(DTYPES[precision], m * dimension).reshape(m, dimension),
        )
        if first[0] != 0 or first[-1] != m or (np.diff(first) < 1).any():
            raise ValueError
        return cls(hashes=hashes, first=first, spans=spans, codes=codes, scales=scales)

    def write(self, path: Path) -> None:
        """Write the part into a file that says when it is incomplete."""
        head = np.array([(MAGIC, len(self.hashes), *self.codes.shape)], HEADER)
        digest = hashlib.blake2b(digest_size=SIZE)
        with path.open("wb") as file:
            for array in (head, self.hashes, self.first, self.spans, self.scales, self.codes):
                data = (
                    np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
                )  # no copy: it may be large
                digest.update(data)
                file.write(data)
            file.write(digest.digest())

    def document(self, row: int) -> EncodedDocument:
        """Return the passages of one document."""
        rows = slice(int(self.first[row]), int(self.first[row + 1]))
        return EncodedDocument(self.spans[rows], self.codes[rows], self.scales[rows])


class EmbeddingCache:
    """Encoded documents of several parts, found by the hashes of their texts."""

    def __init__(self, parts: Sequence[EncodedBatch] = ()) -> None:
        """Put an index over the parts; of several documents with one text, any stands for all."""
        self._parts = parts
        hashes = np.concatenate([as_hashes(b""), *(part.hashes for part in parts)])
        order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[order]
        self._places = order
        self._starts = np.cumsum([0, *(len(part.hashes) for part in parts)])

    def has(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Tell of each text whether its vectors are known, shape (len(hashes),)."""
        return self._find(hashes) >= 0

    def find(self, hashes: Hashes) -> list[EncodedDocument | None]:
        """Return the passages of each text, or None where they are not known."""
        return [
            None if place < 0 else self._document(place) for place in self._find(hashes).tolist()
        ]

    def _find(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        if not len(self._hashes):
            return np.full(len(hashes), -1)
        at = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        return np.where(self._hashes[at] == hashes, self._places[at], -1)

    def _document(self, place: int) -> EncodedDocument:
        part = int(np.searchsorted(self._starts, place, "right")) - 1
        return self._parts[part].document(place - int(self._starts[part]))


def version_hashes(index: IndexVersion, field: str) -> Hashes:
    """Return the hashes of a version's documents in order; `field` is "text" or "content"."""
    return hashes_of(index.hashes()[index.order], field)


def hashes_of(documents: Table, field: str) -> Hashes:
    """Return the hashes in a table of documents."""
    return np.ascontiguousarray(documents[field]).view(f"S{SIZE}")


def spans_of(pairs: Iterable[tuple[int, int]]) -> npt.NDArray[np.uint32]:
    """Return spans as an array, shape (n, 2)."""
    return np.array([*pairs], np.uint32).reshape(-1, 2)


def slices(lengths: Iterable[int]) -> list[slice]:
    """Return the slices of neighbours of these lengths."""
    ends = np.cumsum([0, *lengths]).tolist()
    return [slice(start, end) for start, end in pairwise(ends)]
