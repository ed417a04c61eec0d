"""From a request to its answer: encode, rank, count facets, cut the page."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from handler.encoder import Encoder, Vectors
from handler.errors import InvalidRequest
from handler.index.arrays import Scores
from handler.index.engine import Condition, Engine, FacetCount, WordQuery
from handler.index.manifest import NOISE
from handler.search.answer import Answer, Total
from handler.search.apply_rules import AppliedRules, boosted, pinned
from handler.search.arrange import blended, close_enough, collapsed, one_for_each, varied
from handler.search.facets import Spread, count_values, spread, usable_field, without_choices
from handler.search.filters import FilterCompiler
from handler.search.highlight import Allowance
from handler.search.hits import HitMaker
from handler.search.index_query import IndexQuery, unit_vector
from handler.search.lookup import compile_filter, joined
from handler.search.places import by_distance, known_place, read_sort, with_distances
from handler.search.query_language import parse
from handler.search.ranking import POOLS, Ranking, rank
from handler.search.request import SearchRequest
from handler.search.rerank import SecondStage
from handler.search.similar import similar_hits

# For searches of which no request limits the work.
NO_LIMIT = 2**62
WITHOUT_RERANKER = SecondStage()


class Searcher:
    """Answers requests from any index version that was made with its encoder."""

    def __init__(
        self,
        encoder: Encoder,
        cached_queries: int = 1000,
        second_stage: SecondStage = WITHOUT_RERANKER,
    ) -> None:
        """Keep the embeddings of the last `cached_queries` queries, for paging and filtering."""
        self._second_stage = second_stage
        self._encoder = encoder
        self._applied: dict[str, AppliedRules] = {}
        self._vector = lru_cache(cached_queries)(self._encode)
        self._hits = HitMaker(encoder)

    def search(
        self, index: Engine, request: SearchRequest, allowance: Allowance | None = None
    ) -> Answer:
        """Answer `request` from `index`.

        Highlights by meaning end with `allowance`, which the searches of a batch share. Hits after
        that have their passage without a mark.

        Raises:
            InvalidRequest: a filter, facet or sort that the index's fields don't allow.
        """
        started = time.perf_counter()
        parsed = parse(request.query, index)
        rules = self._rules(index)
        condition = joined(index, parsed.condition, rules.shown)
        filter_query = joined(index, compile_filter(index, request.filter), condition)
        text = parsed.text
        vector = self._query_vector(index, request, text)
        if not request.query and vector is None and filter_query is None:
            filter_query = index.conditions.everything()
        encoded = time.perf_counter()
        by_words = request.mode != "semantic"
        words = WordQuery()
        if by_words or request.highlight or request.sort:
            words = index.words(
                text,
                verbatim=request.verbatim,
                typing=request.typing,
                alternatives=rules.alternatives,
            )
        query = IndexQuery(
            request=request,
            text=text,
            vector=vector,
            keyword_query=words.query if by_words else None,
            filter_query=filter_query,
            allowance=allowance or Allowance(NO_LIMIT),
            condition=condition,
            rules=rules,
            terms=words.terms,
        )
        answer = self._answer(index, query)
        if by_words:
            answer.corrected.update(words.corrected)
        answer.seconds.update(encode=encoded - started, search=time.perf_counter() - encoded)
        return answer

    def similar(
        self, index: Engine, like: Sequence[str], k: int, unlike: Sequence[str] = ()
    ) -> Answer:
        """Return the `k` documents most similar to some of the index, and unlike others.

        Raises:
            DocumentNotFound: no document has one of these ids.
        """
        started = time.perf_counter()
        hits = similar_hits(index, like, unlike, k, self._rules(index).shown)
        return Answer(hits=hits, seconds={"search": time.perf_counter() - started})

    def _answer(self, index: Engine, query: IndexQuery) -> Answer:
        request = query.request
        depth = request.offset + request.k
        ranking = self._ranking(index, query, depth)
        cosine = _greatest(ranking.cosines)
        total, matched = None, None
        if request.sort or request.total or request.facets:
            matched = _matched(index, query, ranking)
        nothing_close = _nothing_close(index, query, ranking, cosine)
        facets = {name: self._facet(index, query, matched, name) for name in request.facets}
        if request.sort and matched is not None:
            ranking = _sort(index, request, ranking, matched)
        others: dict[int, int] = {}
        if request.distinct:
            usable_field(index, request.distinct, "shown once for each value")
            ranking, others = one_for_each(index, ranking, request.distinct, depth)
        if request.total and matched is not None:
            exact = request.mode == "keyword" or query.browsed is not None
            total = Total(index.count(matched), exact)
        page = range(request.offset, min(depth, len(ranking.documents)))
        documents = index.documents_at(ranking.documents[request.offset : depth])
        hits = [
            self._hits.hit(index, query, ranking, at, document, others)
            for at, document in zip(page, documents, strict=True)
        ]
        return Answer(
            hits=with_distances(index, hits, request.sort, request.filter),
            facets=facets,
            spreads=_spreads(index, request, matched),
            total=total,
            terms=query.terms,
            nothing_close=nothing_close,
            cosine=cosine,
        )

    def _ranking(self, index: Engine, query: IndexQuery, depth: int) -> Ranking:
        """Return the first `depth` documents or more, as far as there are so many."""
        request = query.request
        if request.distinct or query.rules.boosts:
            depth = max(depth, POOLS[0] + 1)  # so that groups can be refilled, and boosts lift
        if query.browsed is not None:
            return Ranking.of(index.rows_matching(query.browsed, depth))
        again = 0 if request.sort else self._second_stage.candidates(request)
        depth = max(depth, again)
        ranking = rank(
            index,
            request.mode,
            vector=query.vector,
            keyword_query=query.keyword_query,
            filter_query=query.filter_query,
            depth=depth,
            ratio=request.semantic_ratio,
        )
        if request.rank:
            ranking = blended(index, ranking, request.rank)
        ranking = boosted(index, ranking, query.rules)
        if request.min_score is not None:
            ranking = close_enough(ranking, request.min_score)
        if request.collapse:
            ranking = collapsed(index, ranking)
        ranking = self._second_stage.apply(index, ranking, query.text, again)
        ranking = varied(index, ranking, request.diversity)
        return pinned(index, ranking, query.rules, request.query, query.filter_query)

    def _rules(self, index: Engine) -> AppliedRules:
        """Return the rules of an index, prepared once for each version and change of them."""
        known = self._applied.get(index.manifest.name)
        version = index.manifest.version
        if known is None or known.rules is not index.rules or known.version != version:
            known = AppliedRules.of(index)
            self._applied[index.manifest.name] = known
        return known

    def _facet(
        self, index: Engine, query: IndexQuery, matched: Condition | None, name: str
    ) -> list[FacetCount]:
        """Count the values of a field as if none of them was chosen by the filter.

        `matched` is what the hits match, under the whole filter.
        """
        request = query.request
        others = without_choices(request.filter, name)
        if others is not request.filter or matched is None:
            wider = joined(index, compile_filter(index, others), query.condition)
            if query.browsed is not None and wider is None:
                wider = index.conditions.everything()
            query = replace(query, filter_query=wider)
            matched = _matched(index, query, self._ranking(index, query, POOLS[0]))
        return count_values(index, name, matched, request.facet_values, request.facet_query)

    def _query_vector(self, index: Engine, request: SearchRequest, text: str) -> Vectors | None:
        """Return the embedding to search by, shape (dimension,), or None without meaning."""
        if request.mode == "keyword":
            return None
        if request.vector:
            return unit_vector(request.vector, index.manifest.dimension)
        return self._vector(text) if text else None

    def _encode(self, text: str) -> Vectors:
        vector: Vectors = self._encoder.encode([text], "query")[0]
        return vector


def _nothing_close(
    index: Engine, query: IndexQuery, ranking: Ranking, cosine: float | None
) -> bool:
    """Tell whether hits were found by meaning alone, and none is nearer than those of nonsense.

    `cosine` is the greatest of the ranking, or None if none is known.
    """
    level = index.manifest.quality.get(NOISE)
    if level is None or query.vector is None or cosine is None:
        return False
    has_words = bool((np.nan_to_num(ranking.bm25) > 0).any())
    return not has_words and cosine <= level


def _matched(index: Engine, query: IndexQuery, ranking: Ranking) -> Condition:
    """Return the query for what facets count and sorts order: all with the words, and one pool."""
    if query.browsed is not None:
        return query.browsed
    rows = None if query.request.mode == "keyword" else ranking.documents[: POOLS[0]]
    return index.matched(query.keyword_query, rows, query.filter_query)


def _spreads(index: Engine, request: SearchRequest, matched: Condition | None) -> dict[str, Spread]:
    """Return the spread of each facet of numbers or dates."""
    if matched is None:
        return {}
    found = {name: spread(index, name, matched) for name in request.facets}
    return {name: each for name, each in found.items() if each}


def _sort(index: Engine, request: SearchRequest, ranking: Ranking, matched: Condition) -> Ranking:
    depth = request.offset + request.k
    if asked := read_sort(request.sort):
        place, centre, farthest = asked
        field = known_place(index.manifest.schema, place)
        compiler = FilterCompiler(index.manifest.schema, index.conditions, index)
        start = centre.opposite() if farthest else centre
        return ranking.reordered(by_distance(index, field, start, matched, depth, compiler.circle))
    name, descending = request.sort.removeprefix("-"), request.sort.startswith("-")
    usable_field(index, name, "sorted by")
    if index.manifest.schema[name].list:
        raise InvalidRequest(
            f"{name!r} has lists of values, which have no order; sort by another field"
        )
    return ranking.reordered(index.sorted_rows(matched, name, descending, depth))


def _greatest(cosines: Scores) -> float | None:
    """Return the greatest of the cosines that are known, or None if none is."""
    known = cosines[~np.isnan(cosines)]
    return float(known.max()) if len(known) else None
