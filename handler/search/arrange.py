"""What a ranking goes through before its page is cut: a floor, variety, one hit for each group."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from handler.encoder import Vectors
from handler.errors import InvalidRequest
from handler.index.arrays import Floats, Rows
from handler.index.engine import Engine
from handler.search.facets import usable_field
from handler.search.fuse import Scale
from handler.search.ranking import NO_PASSAGE, Ranking
from handler.search.request import RankBy

# Only the first hits are made varied: the work grows with the square of their number.
VARIED = 100
# Texts whose best passages are as close as that say the same in nearly the same words.
SAME_COSINE = 0.95
MICROSECONDS_A_DAY = 86_400e6


def blended(index: Engine, ranking: Ranking, by: RankBy) -> Ranking:
    """Rank by relevance and a metadata field, each in standard deviations from its mean.

    Documents without a value count as those with the worst.

    Raises:
        InvalidRequest: the field has no single number or date in each document.
    """
    values = _values(index, ranking.documents, by)
    if not len(values) or np.isnan(values).all():
        return ranking
    values = values if by.descending else -values
    values = np.where(np.isnan(values), np.nanmin(values), values)
    relevance = np.nan_to_num(ranking.scores)
    scores = (1 - by.weight) * Scale.of(relevance).standardise(relevance)
    scores = scores + by.weight * Scale.of(values).standardise(values)
    order = np.lexsort((np.arange(len(scores)), -scores))
    return replace(ranking, scores=scores).take(order)


def _values(index: Engine, documents: Rows, by: RankBy) -> Floats:
    """Return what counts of the field, shape (documents,), nan where a document lacks it."""
    usable_field(index, by.field, "ranked by")
    entry = index.manifest.schema[by.field]
    fits = entry.kind == "date" if by.scale == "recency" else entry.kind in ("integer", "float")
    if not fits or entry.list:
        raise InvalidRequest(
            f"{by.field!r} is of type {entry.kind}{' (list)' if entry.list else ''}; scale "
            f"{by.scale!r} takes {'dates' if by.scale == 'recency' else 'numbers'}, one each"
        )
    numbers = index.numbers(by.field, documents)
    if by.scale == "log":
        return np.log1p(np.maximum(numbers, 0.0))
    if by.scale == "linear":
        return numbers
    days = (time.time() * 1e6 - numbers) / MICROSECONDS_A_DAY
    return np.asarray(0.5 ** (np.maximum(days, 0.0) / by.half_life_days), np.float64)


def close_enough(ranking: Ranking, least_cosine: float) -> Ranking:
    """Leave out documents below a cosine, unless they have a word of the query."""
    has_word = np.nan_to_num(ranking.bm25) > 0
    # A cosine that was not computed can't be too small.
    near = ~(ranking.cosines < least_cosine)
    return ranking.take(np.flatnonzero(has_word | near))


def varied(index: Engine, ranking: Ranking, diversity: float) -> Ranking:
    """Put hits back that resemble better ones, by maximal marginal relevance.

    The first VARIED hits are reordered; `diversity` is the weight of the resemblance, 0 to 1.
    Source: Carbonell and Goldstein, 1998. Scores are mapped to 0…1 first, as they have no unit.
    """
    count = min(VARIED, len(ranking.documents))
    if count < 3 or diversity <= 0:
        return ranking
    vectors = _vectors(index, ranking, count)
    scores = np.nan_to_num(ranking.scores[:count])
    spread = scores.max() - scores.min()
    relevance = (scores - scores.min()) / spread if spread else np.ones(count)
    likeness = vectors @ vectors.T
    chosen = [0]
    left = list(range(1, count))
    while left:
        resemblance = likeness[np.ix_(left, chosen)].max(axis=1)
        gains = (1 - diversity) * relevance[left] - diversity * resemblance
        chosen.append(left.pop(int(np.argmax(gains))))
    rest = range(count, len(ranking.documents))
    return ranking.take(np.array([*chosen, *rest], np.int64))


def collapsed(index: Engine, ranking: Ranking) -> Ranking:
    """Leave out hits whose best passage nearly repeats that of a better hit."""
    count = min(VARIED, len(ranking.documents))
    if not count:
        return ranking
    vectors = _vectors(index, ranking, count)
    likeness = vectors @ vectors.T
    kept: list[int] = []
    for at in range(count):
        if not kept or likeness[at, kept].max() < SAME_COSINE:
            kept.append(at)
    rest = range(count, len(ranking.documents))
    return ranking.take(np.array([*kept, *rest], np.int64))


def one_for_each(
    index: Engine, ranking: Ranking, field: str, depth: int
) -> tuple[Ranking, dict[int, int]]:
    """Keep the best hit of each value of a metadata field.

    Documents without the field stay. Documents with equal lists are one group.

    Args:
        index: the version that was searched.
        ranking: the hits, best first.
        field: the metadata field.
        depth: number of hits that are needed.

    Returns:
        The hits that stay, and for each of their documents the number of others of its group.
    """
    places: dict[str, int] = {}
    others: dict[int, int] = {}
    kept: list[int] = []
    documents = index.documents_at(ranking.documents)
    for at, row in enumerate(ranking.documents.tolist()):
        value = documents[at].metadata.get(field)
        key = json.dumps(value)
        if value is not None and key in places:
            others[places[key]] += 1
            continue
        if value is not None:
            places[key] = row
        if len(kept) < depth:
            kept.append(at)
            others[row] = 0
        elif value is not None:
            others[row] = 0
    return ranking.take(np.array(kept, np.int64)), others


def _vectors(index: Engine, ranking: Ranking, count: int) -> Vectors:
    """Return the unit vectors of the best passages of the first hits, shape (count, dimension)."""
    passages = ranking.passages[:count].copy()
    unknown = passages == NO_PASSAGE
    if unknown.any():
        passages[unknown] = _first_passages(index, ranking.documents[:count][unknown])
    vectors = index.vectors_of(passages).astype(np.float32)
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit


def _first_passages(index: Engine, documents: Rows | Sequence[int]) -> Rows:
    return np.array([index.passages_of(np.array([row]))[0] for row in documents], np.int64)
