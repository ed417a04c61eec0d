"""The order of documents for one query: by meaning, by words, or by both."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from handler.encoder import Vectors
from handler.index.arrays import Floats, Rows, are_among
from handler.index.engine import Condition, Engine
from handler.search.fuse import Scale, fuse
from handler.search.request import Mode

# Documents that meaning and words contribute each. A page beyond the first pool continues with the
# second, minus what the first held, so that no page repeats or skips a document.
POOLS = (100, 2000)

NO_PASSAGE = -1

# How cosines and BM25 scores are standardised.
Scales = tuple[Scale, Scale]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Documents, best first, as arrays of shape (n,).

    `passages` is the best passage of each document by cosine, or NO_PASSAGE. `semantic` and
    `keyword` are the standardised `cosines` and `bm25` that were averaged to `scores`.
    `reranked` has the scores of the second stage.
    Values of a part that took no part in the ranking are nan.
    """

    documents: Rows
    passages: Rows
    scores: Floats
    cosines: Floats
    bm25: Floats
    semantic: Floats
    keyword: Floats
    reranked: Floats

    def take(self, rows: Rows) -> Self:
        """Return the entries at `rows`, in that order."""
        return type(self)(**{name: getattr(self, name)[rows] for name in self.__slots__})

    def reordered(self, documents: Rows) -> Self:
        """Return the entries of `documents`, in that order.

        Documents that are not in this ranking get NO_PASSAGE, and nan for everything else.
        """
        result = type(self).of(documents)
        at = {document: place for place, document in enumerate(self.documents.tolist())}
        found = [at[row] for row in documents.tolist() if row in at]
        known = self.take(np.array(found, np.int64))
        places = are_among(documents, self.documents)
        for name in self.__slots__:
            getattr(result, name)[places] = getattr(known, name)
        return result

    def followed_by(self, other: Self) -> Self:
        """Return this ranking and then what `other` has beyond it."""
        rest = other.take(np.flatnonzero(~are_among(other.documents, self.documents)))
        joined = {n: np.concatenate([getattr(self, n), getattr(rest, n)]) for n in self.__slots__}
        return type(self)(**joined)

    @classmethod
    def of(
        cls,
        documents: Rows,
        *,
        passages: Rows | None = None,
        cosines: Floats | None = None,
        bm25: Floats | None = None,
    ) -> Self:
        """Return `documents` in this order, scored by `cosines`, by `bm25`, or by neither."""
        scores = cosines if bm25 is None else bm25
        return cls(
            documents=documents,
            passages=_no_passages(len(documents)) if passages is None else passages,
            scores=_or_nan(scores, len(documents)),
            cosines=_or_nan(cosines, len(documents)),
            bm25=_or_nan(bm25, len(documents)),
            semantic=_or_nan(None, len(documents)),
            keyword=_or_nan(None, len(documents)),
            reranked=_or_nan(None, len(documents)),
        )


def _no_passages(length: int) -> Rows:
    return np.full(length, NO_PASSAGE, np.int64)


def _or_nan(values: Floats | None, length: int) -> Floats:
    return np.full(length, np.nan) if values is None else values


def rank(
    index: Engine,
    mode: Mode,
    *,
    vector: Vectors | None,
    keyword_query: Condition | None,
    filter_query: Condition | None = None,
    depth: int,
    ratio: float = 0.5,
) -> Ranking:
    """Return the first `depth` documents or more, as far as there are so many.

    `vector`, the query's embedding of shape (dimension,), is needed unless the mode is keyword.
    `ratio` is the weight of meaning in a hybrid ranking, 0 to 1.
    """
    if mode == "keyword" or vector is None:
        return _by_words(index, keyword_query, filter_query, depth)
    if keyword_query is None or mode == "semantic":
        first = _by_meaning(index, vector, filter_query, POOLS[0])
        if depth <= POOLS[0]:
            return first
        return first.followed_by(_by_meaning(index, vector, filter_query, POOLS[1]))
    first, scales = _by_both(index, vector, keyword_query, filter_query, POOLS[0], ratio)
    if depth <= len(first.documents) or len(first.documents) < POOLS[0]:
        return first
    second, _ = _by_both(index, vector, keyword_query, filter_query, POOLS[1], ratio, scales)
    return first.followed_by(second)


def _by_meaning(index: Engine, vector: Vectors, filter_query: Condition | None, n: int) -> Ranking:
    near = index.nearest(vector, n, filter_query)
    return Ranking.of(near.documents, passages=near.passages, cosines=near.cosines)


def _by_words(
    index: Engine, keyword_query: Condition | None, filter_query: Condition | None, depth: int
) -> Ranking:
    documents, bm25 = index.matching(keyword_query, depth, filter_query)
    return Ranking.of(documents, bm25=bm25)


def _by_both(
    index: Engine,
    vector: Vectors,
    keyword_query: Condition,
    filter_query: Condition | None,
    n: int,
    ratio: float,
    scales: Scales | None = None,
) -> tuple[Ranking, Scales]:
    """Rank the `n` documents nearest in meaning together with the `n` that match best by words.

    Args:
        index: The version to search.
        vector: The query's embedding, shape (dimension,).
        keyword_query: The query's words.
        filter_query: What documents must match, if anything.
        n: Documents that each part contributes.
        ratio: Weight of meaning, 0 to 1.
        scales: How cosines and BM25 scores are standardised; measured on the candidates if None.

    Returns:
        The ranking, and the scales, by which a larger pool must be standardised too.
    """
    near = index.nearest(vector, n, filter_query)
    matched, matched_scores = index.matching(keyword_query, n, filter_query)
    others = np.sort(matched[~are_among(matched, near.documents)])
    more = index.best_passages(vector, others)
    documents = np.concatenate([near.documents, more.documents])
    cosines = np.concatenate([near.cosines, more.cosines])
    # Documents that have none of the words score 0.
    bm25 = np.zeros(len(documents))
    order = np.argsort(documents)
    bm25[order[np.searchsorted(documents, matched, sorter=order)]] = matched_scores
    semantic_scale, keyword_scale = scales or (Scale.of(cosines), Scale.of(bm25))
    semantic, keyword = semantic_scale.standardise(cosines), keyword_scale.standardise(bm25)
    fused = fuse(semantic, keyword, ratio)
    ranking = Ranking(
        documents=documents,
        passages=np.concatenate([near.passages, more.passages]),
        scores=fused,
        cosines=cosines,
        bm25=bm25,
        semantic=semantic,
        keyword=keyword,
        reranked=_or_nan(None, len(documents)),
    )
    best = np.lexsort((documents, -fused))
    return ranking.take(best), (semantic_scale, keyword_scale)
