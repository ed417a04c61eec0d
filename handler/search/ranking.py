"""The order of documents for one query, by meaning, by words, or by both fused."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from tantivy import Query

from handler.encoder import Vectors
from handler.index.arrays import Rows
from handler.index.index_version import IndexVersion
from handler.search.fuse import Scale, fuse
from handler.search.retrieve import best_passages, matching, nearest

Mode = Literal["hybrid", "semantic", "keyword"]
MODES: tuple[str, ...] = get_args(Mode)

# Documents that each part contributes. A page that reaches beyond the first pool goes on with the second, less
# what the first had: no page repeats or skips a document.
POOLS = (100, 2000)

Floats = npt.NDArray[np.floating]
NO_PASSAGE = -1


@dataclass(frozen=True, slots=True)
class Ranking:
    """Documents, best first, as arrays of one length; `cosines` or `bm25` are nan where that part had no say.

    `passages` has the best passage of each document by cosine, or NO_PASSAGE; `semantic` and `keyword` are
    the standardised scores that were fused.
    """

    documents: Rows
    passages: Rows
    scores: Floats
    cosines: Floats
    bm25: Floats
    semantic: Floats
    keyword: Floats

    def take(self, rows: npt.NDArray[np.integer]) -> Self:
        """Return the entries at `rows`, in that order."""
        return type(self)(*(getattr(self, name)[rows] for name in self.__slots__))

    def reordered(self, documents: Rows) -> Self:
        """Return the entries of `documents`, in that order; of those not in this ranking nothing is known."""
        at = {document: place for place, document in enumerate(self.documents.tolist())}
        known = self.take(np.array([at[row] for row in documents.tolist() if row in at], np.int64))
        nothing = np.full(len(documents), np.nan)
        result = type(self)(
            documents, np.full(len(documents), NO_PASSAGE), *(nothing.copy() for _ in range(5))
        )
        places = np.isin(documents, self.documents)
        for name in self.__slots__:
            getattr(result, name)[places] = getattr(known, name)
        return result

    def followed_by(self, other: Self) -> Self:
        """Return this ranking and then what `other` has beyond it."""
        rest = other.take(np.flatnonzero(~np.isin(other.documents, self.documents)))
        return type(self)(
            *(np.concatenate([getattr(self, n), getattr(rest, n)]) for n in self.__slots__)
        )


def rank(
    index: IndexVersion,
    mode: Mode,
    vector: Vectors | None,
    words: Query | None,
    passing: Query | None,
    depth: int,
) -> Ranking:
    """Return the first `depth` documents or more, as long as there are so many.

    `vector` is needed unless the mode is keyword; `passing` is the filter.
    """
    if mode == "keyword" or vector is None:
        return _by_words(index, words, passing, depth)
    if words is None or mode == "semantic":
        first = _by_meaning(index, vector, passing, POOLS[0])
        return (
            first
            if depth <= POOLS[0]
            else first.followed_by(_by_meaning(index, vector, passing, POOLS[1]))
        )
    first, scales = _pool(index, vector, words, passing, POOLS[0], None)
    if depth <= len(first.documents) or len(first.documents) < POOLS[0]:
        return first
    return first.followed_by(_pool(index, vector, words, passing, POOLS[1], scales)[0])


def _by_meaning(index: IndexVersion, vector: Vectors, passing: Query | None, n: int) -> Ranking:
    near = nearest(index, vector, n, passing)
    nothing = np.full(len(near.documents), np.nan)
    return Ranking(
        near.documents, near.passages, near.cosines, near.cosines, nothing, nothing, nothing
    )


def _by_words(
    index: IndexVersion, words: Query | None, passing: Query | None, depth: int
) -> Ranking:
    documents, bm25 = matching(index, words, depth, passing)
    nothing = np.full(len(documents), np.nan)
    unknown = np.full(len(documents), NO_PASSAGE, np.int64)
    return Ranking(documents, unknown, bm25, nothing, bm25, nothing, nothing)


def _pool(
    index: IndexVersion,
    vector: Vectors,
    words: Query,
    passing: Query | None,
    n: int,
    scales: tuple[Scale, Scale] | None,
) -> tuple[Ranking, tuple[Scale, Scale]]:
    """Rank the `n` documents nearest in meaning and the `n` that match best, and return how scores were scaled."""
    near = nearest(index, vector, n, passing)
    matched, scores = matching(index, words, n, passing)
    more = best_passages(index, vector, np.setdiff1d(matched, near.documents))
    documents = np.concatenate([near.documents, more.documents])
    passages = np.concatenate([near.passages, more.passages])
    cosines = np.concatenate([near.cosines, more.cosines])
    bm25 = np.zeros(len(documents))
    order = np.argsort(documents)
    bm25[order[np.searchsorted(documents, matched, sorter=order)]] = scores
    semantic_scale, keyword_scale = scales or (Scale.of(cosines), Scale.of(bm25))
    semantic, keyword = semantic_scale.standardise(cosines), keyword_scale.standardise(bm25)
    fused = fuse(semantic, keyword)
    best = np.lexsort((documents, -fused))
    ranking = Ranking(documents, passages, fused, cosines, bm25, semantic, keyword).take(best)
    return ranking, (semantic_scale, keyword_scale)
