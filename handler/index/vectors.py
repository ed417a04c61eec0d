"""The vectors of all passages, searched by SIMD scans: of compact codes first if there are many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numkong
import numpy as np
import numpy.typing as npt

from handler.encoder import Vectors
from handler.errors import IndexUnavailable
from handler.index.arrays import Codes, Rows
from handler.index.block_file import NOTHING_REMOTE, BlockFile, Remote, Spans, open_file, read_spans
from handler.index.manifest import IndexFiles

Precision = Literal["i8", "f16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
DTYPES: dict[str, type[np.generic]] = {"i8": np.int8, "f16": np.float16}

# One thread scans 50,000 int8 vectors of 384 dimensions in 0.8 ms. Of more vectors, the compact
# codes are scanned, an eighth of the bytes, and so many of the nearest are looked at more closely:
# at least, and for each vector wanted.
EXACT_UP_TO = 50_000
CANDIDATES = 2000
CANDIDATES_EACH = 10
# Of these, so many are compared exactly, at least, and for each vector wanted.
LIKELIER = 500
LIKELIER_EACH = 4
ROUNDING = 1e-5


def quantize(
    vectors: Vectors, precision: Precision
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.float32]]:
    """Return `vectors` (n, dimension) in `precision`, and their factors to unit length (n,).

    For i8, each vector is stretched to the whole range of a byte. (The usual fixed factor of 127
    for unit vectors uses 4 of the 8 bits in 384 dimensions.)
    """
    if precision == "f16":
        return vectors.astype(np.float16), np.ones(len(vectors), np.float32)
    peaks = np.abs(vectors).max(axis=1, keepdims=True)
    codes = np.rint(vectors * (127 / np.maximum(peaks, 1e-12))).astype(np.int8)
    norms = np.sqrt(np.square(codes, dtype=np.float32).sum(axis=1))
    return codes, (1 / np.maximum(norms, 1)).astype(np.float32)


def compact(codes: Codes) -> npt.NDArray[np.uint8]:
    """Return one bit for each dimension, its sign: shape (n, dimension) to (n, dimension / 8)."""
    return np.packbits(np.greater(codes, 0), axis=1)


class VectorWriter:
    """Writes vectors into a folder, batch after batch."""

    def __init__(self, folder: Path, precision: Precision) -> None:
        """Start with no vectors in `folder`, which exists."""
        self._folder = folder
        self._precision = precision
        self._codes = (folder / IndexFiles.VECTORS).open("wb")
        self._scales = (folder / IndexFiles.SCALES).open("wb")
        self._compact = (folder / IndexFiles.COMPACT).open("wb")

    def add(self, vectors: Vectors) -> None:
        """Append unit vectors, shape (n, dimension)."""
        self.add_codes(*quantize(vectors, self._precision))

    def add_codes(self, codes: npt.NDArray[np.generic], scales: npt.NDArray[np.float32]) -> None:
        """Append vectors that are quantized already, shapes (n, dimension) and (n,)."""
        self._codes.write(codes.tobytes())
        self._scales.write(scales.tobytes())
        self._compact.write(compact(codes).tobytes())

    def close(self) -> None:
        """Finish the files."""
        self._codes.close()
        self._scales.close()
        self._compact.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorSegment:
    """Vectors of one segment: codes in a file, factors to unit length (n,), compact codes."""

    file: BlockFile
    dimension: int
    dtype: type[np.generic]
    scales: npt.NDArray[np.float32]
    bits: npt.NDArray[np.uint8]

    @classmethod
    def open(
        cls, folder: Path, precision: Precision, dimension: int, remote: Remote = NOTHING_REMOTE
    ) -> Self:
        """Map the vectors in `folder` into memory.

        Raises:
            IndexUnavailable: a file is missing or of another size than the others ask for.
        """
        try:
            file = open_file(folder / IndexFiles.VECTORS, remote)
            scales = np.memmap(folder / IndexFiles.SCALES, np.float32, "r")
            packed = np.memmap(folder / IndexFiles.COMPACT, np.uint8, "r")
            bits = packed.reshape(len(scales), (dimension + 7) // 8)
            if file.size != len(scales) * dimension * np.dtype(DTYPES[precision]).itemsize:
                raise ValueError(f"{file.size} bytes are not {len(scales)} vectors")
        except (OSError, ValueError) as cause:
            raise IndexUnavailable(
                f"{folder} has no usable vectors: {cause}; index the corpus again"
            ) from cause
        return cls(
            file=file,
            dimension=dimension,
            dtype=DTYPES[precision],
            scales=np.asarray(scales),
            bits=np.asarray(bits),
        )

    @property
    def codes(self) -> Codes:
        """All codes, shape (n, dimension)."""
        whole = Spans(self.file, np.array([0]), np.array([self.file.size]))
        return self.shaped(*read_spans([whole]))

    def spans(self, rows: Rows) -> Spans:
        """Return where in the file the codes of some `rows` are."""
        width = self.dimension * np.dtype(self.dtype).itemsize
        return Spans(self.file, rows * width, rows * width + width)

    def shaped(self, data: memoryview) -> Codes:
        """Return the bytes of the file as codes, shape (n, dimension)."""
        return np.frombuffer(data, self.dtype).reshape(-1, self.dimension)


class VectorIndex:
    """The vectors of all segments, in one row of numbers."""

    def __init__(
        self,
        segments: Sequence[VectorSegment],
        precision: Precision,
        live: Rows | None = None,
        *,
        approximate: bool | None = None,
    ) -> None:
        """Compose from segments, one at least.

        Args:
            segments: their vectors.
            precision: precision of all of them.
            live: ascending rows that a search may find; None for all.
            approximate: whether compact codes are scanned first; None to decide by the number.
        """
        self.segments = segments
        self._precision: Precision = precision
        self._live = live
        self._starts = np.cumsum([0, *(len(each.scales) for each in segments)])
        many = len(self) > EXACT_UP_TO
        self.approximate = many if approximate is None else approximate
        """Whether a search may miss a vector."""

    @classmethod
    def open(
        cls,
        folders: Iterable[Path],
        precision: Precision,
        dimension: int,
        live: Rows | None = None,
        remote: Remote = NOTHING_REMOTE,
    ) -> Self:
        """Open the vectors of the segments in `folders`; a search finds the `live` rows.

        Files that are `remote`, by their paths, need not be there.

        Raises:
            IndexUnavailable: a file is missing or of another size than the others ask for.
        """
        segments = [VectorSegment.open(folder, precision, dimension, remote) for folder in folders]
        return cls(segments, precision, live)

    def __len__(self) -> int:
        """Return the number of vectors that a search may find."""
        return int(self._starts[-1]) if self._live is None else len(self._live)

    @property
    def live(self) -> Rows:
        """The rows that a search may find, ascending."""
        return np.arange(len(self)) if self._live is None else self._live

    def exact(self) -> Self:
        """Return the same vectors, searched exactly."""
        return type(self)(self.segments, self._precision, self._live, approximate=False)

    def search(
        self, query: Vectors, k: int, likelier_each: int = LIKELIER_EACH
    ) -> tuple[Rows, Vectors]:
        """Return rows and cosines of the `k` vectors nearest to unit vector `query`, in order.

        For each vector wanted, `likelier_each` of those with the nearest codes are compared exactly.
        """
        wanted = max(CANDIDATES, CANDIDATES_EACH * k)
        if self.approximate and wanted < len(self):
            likelier = max(LIKELIER, likelier_each * k)
            rows = self._likelier(query, self._candidates(query, wanted), likelier)
            return self.search_among(query, rows, k)
        code = quantize(query[None], self._precision)
        cosines = [_cosines(code, each.codes, each.scales) for each in self.segments]
        return _best(*self._only_live(np.concatenate(cosines)), k)

    def search_among(self, query: Vectors, rows: Rows, k: int) -> tuple[Rows, Vectors]:
        """Return the same as `search`, exactly, among some rows only."""
        return _best(rows, self.cosines(query, rows), k)

    def cosines(self, query: Vectors, rows: Rows) -> Vectors:
        """Return the cosine of each of `rows` to the unit vector `query`, shape (len(rows),)."""
        return _cosines(quantize(query[None], self._precision), *self._take(rows))

    def vectors(self, rows: Rows) -> Vectors:
        """Return the unit vectors of `rows`, shape (len(rows), dimension)."""
        codes, scales = self._take(rows)
        return codes.astype(np.float32) * scales[:, None]

    def _candidates(self, query: Vectors, wanted: int) -> Rows:
        """Return the `wanted` rows or more whose compact codes differ least from the query's."""
        bits = compact(query[None])
        distances = [
            np.asarray(numkong.cdist(bits, each.bits, metric="hamming", dtype="uint1"))[0]
            for each in self.segments
        ]
        rows, found = self._only_live(np.concatenate(distances))
        return rows[_least(found, wanted)]

    def _likelier(self, query: Vectors, rows: Rows, wanted: int) -> Rows:
        """Return those of `rows` whose signs go best with the query's numbers.

        These are `wanted` and those that equal the last.
        """
        if wanted >= len(rows):
            return rows
        owners = np.searchsorted(self._starts, rows, "right") - 1
        packed = np.empty((len(rows), self.segments[0].bits.shape[1]), np.uint8)
        for number in np.flatnonzero(np.bincount(owners)).tolist():
            mine = owners == number
            packed[mine] = self.segments[number].bits[rows[mine] - self._starts[number]]
        signs = np.unpackbits(packed, axis=1, count=len(query)).astype(np.float32)
        scores = signs @ query
        likelier: Rows = rows[scores >= np.partition(scores, -wanted)[-wanted] - ROUNDING]
        return likelier

    def _only_live(self, values: npt.NDArray[Any]) -> tuple[Rows, npt.NDArray[Any]]:
        """Return the rows that a search may find, and what of `values` is theirs."""
        if self._live is None:
            return np.arange(len(values)), values
        return self._live, values[self._live]

    def _take(self, rows: Rows) -> tuple[Codes, npt.NDArray[np.float32]]:
        """Return codes and factors of `rows`."""
        first = self.segments[0]
        if len(self.segments) == 1:
            [data] = read_spans([first.spans(rows)])
            return first.shaped(data)[rows], first.scales[rows]
        owners = np.searchsorted(self._starts, rows, "right") - 1
        numbers = np.flatnonzero(np.bincount(owners)).tolist()
        within = [(owners == number, self.segments[number]) for number in numbers]
        places = rows - self._starts[owners]
        found = read_spans([segment.spans(places[mine]) for mine, segment in within])
        codes = np.empty((len(rows), first.dimension), first.dtype)
        scales = np.empty(len(rows), np.float32)
        for (mine, segment), data in zip(within, found, strict=True):
            at = places[mine]
            codes[mine], scales[mine] = segment.shaped(data)[at], segment.scales[at]
        return codes, scales


def _cosines(
    query: tuple[Codes, npt.NDArray[np.float32]], codes: Codes, scales: npt.NDArray[np.float32]
) -> Vectors:
    """Return the cosines of a quantized query to quantized vectors, shape (len(codes),)."""
    if not len(codes):
        return np.empty(0, np.float32)
    code, scale = query
    dots: Vectors = np.asarray(numkong.cdist(code, codes, metric="dot"), np.float32)[0]
    cosines: Vectors = dots * (scales * scale)
    return cosines


def _least(distances: npt.NDArray[np.float64], k: int) -> Rows:
    """Return the places of the `k` least whole numbers, and of all that equal the last."""
    counts = np.cumsum(np.bincount(distances.astype(np.int64)))
    return np.flatnonzero(distances <= np.searchsorted(counts, k))


def _best(rows: Rows, cosines: Vectors, k: int) -> tuple[Rows, Vectors]:
    """Return the `k` rows of highest cosine, best first; ties in the order of rows."""
    if k < len(rows):
        least = np.partition(cosines, -k)[-k]
        kept = np.flatnonzero(cosines >= least)
        ties = cosines[kept] == least
        kept = kept[~ties | (np.cumsum(ties) <= k - np.count_nonzero(~ties))]
        rows, cosines = rows[kept], cosines[kept]
    order = np.argsort(-cosines, kind="stable")
    return rows[order], cosines[order]
