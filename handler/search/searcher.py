"""From a request to its answer: encode, rank, cut the page, highlight, explain, count facets."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from tantivy import Occur, Query

from handler.corpus.document import Document
from handler.corpus.passages import sentence_spans
from handler.encoder import Encoder, Vectors
from handler.errors import DocumentNotFound, InvalidRequest
from handler.index.arrays import Scores
from handler.index.index_version import IndexVersion
from handler.index.manifest import NOISE
from handler.index.text_index import FacetCount
from handler.index.word_query import WordQuery, word_query
from handler.search.answer import Answer, Explanation, Hit, Total
from handler.search.apply_rules import AppliedRules, boosted, pinned
from handler.search.arrange import blended, close_enough, collapsed, one_for_each, varied
from handler.search.facets import Spread, count_values, spread, usable_field, without_choices
from handler.search.filters import FilterCompiler
from handler.search.highlight import (
    MOST_CHARS,
    Allowance,
    Sentences,
    Span,
    closest_sentence,
    mark,
    word_spans,
)
from handler.search.query_language import parse
from handler.search.ranking import NO_PASSAGE, POOLS, Ranking, rank
from handler.search.request import SearchRequest
from handler.search.rerank import SecondStage
from handler.search.retrieve import both, nearest

# Passages whose sentences' vectors are cached for highlights: about 1.5 kB per sentence.
CACHED_PASSAGES = 1000
# For searches of which no request limits the work.
NO_LIMIT = 2**62
WITHOUT_RERANKER = SecondStage()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """A request as the index understands it.

    `condition` is the part of the filter that the query's own syntax and the rules set. `text` is
    what is left of the query to search for: nothing if it was all syntax. `vector`, shape
    (dimension,), is None in keyword mode, and `keyword_query` in semantic mode or where the query
    has no words. `allowance` is for highlights. `terms` are the stems that it looks for.
    """

    request: SearchRequest
    text: str
    vector: Vectors | None
    keyword_query: Query | None
    filter_query: Query | None
    allowance: Allowance
    terms: list[str]
    rules: AppliedRules
    condition: Query | None = None

    @property
    def browsed(self) -> Query | None:
        """What all hits must match if nothing is searched for; None if something is."""
        return None if self.text or self.vector is not None else self.filter_query


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
        # The same passages come up again and again while somebody types.
        self._sentences = lru_cache(CACHED_PASSAGES)(self._encode_sentences)

    def search(
        self, index: IndexVersion, request: SearchRequest, allowance: Allowance | None = None
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
        condition = _joined(parsed.condition, rules.shown)
        filter_query = _joined(compile_filter(index, request.filter), condition)
        text = parsed.text
        vector = self._query_vector(index, request, text)
        if not request.query and vector is None and filter_query is None:
            filter_query = Query.all_query()
        encoded = time.perf_counter()
        by_words = request.mode != "semantic"
        words = WordQuery()
        if by_words or request.highlight or request.sort:
            words = word_query(
                index.text,
                text,
                verbatim=request.verbatim,
                typing=request.typing,
                alternatives=rules.alternatives,
            )
        query = _Query(
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
        self, index: IndexVersion, like: Sequence[str], k: int, unlike: Sequence[str] = ()
    ) -> Answer:
        """Return the `k` documents nearest to some of the index, by the means of their passages.

        What is `unlike` counts half, as in Rocchio's formula. None of the documents is returned.

        Raises:
            DocumentNotFound: no document has one of these ids.
        """
        started = time.perf_counter()
        rows = {document_id: find(index, document_id) for document_id in [*like, *unlike]}
        wanted = np.mean([_mean_vector(index, rows[each]) for each in like], axis=0)
        if unlike:
            unwanted = np.mean([_mean_vector(index, rows[each]) for each in unlike], axis=0)
            wanted = wanted - 0.5 * unwanted
        wanted = wanted / (np.linalg.norm(wanted) or 1)
        near = nearest(index, wanted, k + len(rows), self._rules(index).shown)
        hits = [
            Hit(document=index.document(other), score=float(cosine), passage=index.span(passage))
            for other, passage, cosine in zip(
                near.documents, near.passages, near.cosines, strict=True
            )
            if other not in rows.values()
        ]
        return Answer(hits=hits[:k], seconds={"search": time.perf_counter() - started})

    def _answer(self, index: IndexVersion, query: _Query) -> Answer:
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
            total = Total(index.text.count(matched), exact)
        page = range(request.offset, min(depth, len(ranking.documents)))
        return Answer(
            hits=[self._hit(index, query, ranking, at, others) for at in page],
            facets=facets,
            spreads=_spreads(index, request, matched),
            total=total,
            nothing_close=nothing_close,
            cosine=cosine,
        )

    def _ranking(self, index: IndexVersion, query: _Query, depth: int) -> Ranking:
        """Return the first `depth` documents or more, as far as there are so many."""
        request = query.request
        if request.distinct or query.rules.boosts:
            depth = max(depth, POOLS[0] + 1)  # so that groups can be refilled, and boosts lift
        if query.browsed is not None:
            return Ranking.of(index.text.rows(query.browsed, depth))
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

    def _rules(self, index: IndexVersion) -> AppliedRules:
        """Return the rules of an index, prepared once for each version and change of them."""
        known = self._applied.get(index.manifest.name)
        version = index.manifest.version
        if known is None or known.rules is not index.rules or known.version != version:
            known = AppliedRules.of(index)
            self._applied[index.manifest.name] = known
        return known

    def _facet(
        self, index: IndexVersion, query: _Query, matched: Query | None, name: str
    ) -> list[FacetCount]:
        """Count the values of a field as if none of them was chosen by the filter.

        `matched` is what the hits match, under the whole filter.
        """
        request = query.request
        others = without_choices(request.filter, name)
        if others is not request.filter or matched is None:
            wider = _joined(compile_filter(index, others), query.condition)
            if query.browsed is not None and wider is None:
                wider = Query.all_query()
            query = replace(query, filter_query=wider)
            matched = _matched(index, query, self._ranking(index, query, POOLS[0]))
        return count_values(index, name, matched, request.facet_values, request.facet_query)

    def _query_vector(
        self, index: IndexVersion, request: SearchRequest, text: str
    ) -> Vectors | None:
        """Return the embedding to search by, shape (dimension,), or None without meaning."""
        if request.mode == "keyword":
            return None
        if request.vector:
            return unit_vector(request.vector, index.manifest.dimension)
        return self._vector(text) if text else None

    def _encode(self, text: str) -> Vectors:
        vector: Vectors = self._encoder.encode([text], "query")[0]
        return vector

    def _encode_sentences(self, text: str) -> Sentences:
        spans = sentence_spans(text)
        texts = [text[start:end] for start, end in spans] if len(spans) > 1 else []
        return spans, self._encoder.encode(texts, "document")

    def _hit(
        self,
        index: IndexVersion,
        query: _Query,
        ranking: Ranking,
        at: int,
        others: Mapping[int, int],
    ) -> Hit:
        row, passage = int(ranking.documents[at]), int(ranking.passages[at])
        document = index.document(row)
        if passage == NO_PASSAGE:
            span = _wordiest(index, row, document, query.terms)
        else:
            span = index.span(passage)
        score = float(ranking.scores[at])
        wanted, highlight = query.request, None
        if wanted.highlight:
            cosine = float(ranking.cosines[at])
            highlight = self._highlight(index, query, document, span, cosine)
        return Hit(
            document=document,
            score=None if np.isnan(score) else score,
            passage=span,
            highlight=highlight,
            explanation=_explanation(ranking, at) if wanted.explain else None,
            others=others.get(row),
        )

    def _highlight(
        self, index: IndexVersion, query: _Query, document: Document, span: Span, cosine: float
    ) -> str:
        """Mark the words of the query, or else the nearest sentence, unless that is chance."""
        text = (document.text[slice(*span)] or document.title)[:MOST_CHARS]
        spans = word_spans(text, query.terms, index.text.words)
        chance = cosine <= index.manifest.quality.get(NOISE, -2.0)
        if spans or query.vector is None or chance:
            return mark(text, spans)
        if query.allowance.take(sentence_spans(text)):
            spans = closest_sentence(self._sentences(text), query.vector)
        return mark(text, spans)


def _nothing_close(
    index: IndexVersion, query: _Query, ranking: Ranking, cosine: float | None
) -> bool:
    """Tell whether hits were found by meaning alone, and none is nearer than those of nonsense.

    `cosine` is the greatest of the ranking, or None if none is known.
    """
    level = index.manifest.quality.get(NOISE)
    if level is None or query.vector is None or cosine is None:
        return False
    has_words = bool((np.nan_to_num(ranking.bm25) > 0).any())
    return not has_words and cosine <= level


def unit_vector(numbers: Sequence[float], dimension: int) -> Vectors:
    """Return a caller's vector as an embedding of length 1, shape (dimension,).

    Raises:
        InvalidRequest: it has another length, or no direction.
    """
    vector = np.array(numbers, np.float32)
    if len(vector) != dimension:
        raise InvalidRequest(f"vector has {len(vector)} numbers; this index has {dimension}")
    length = float(np.linalg.norm(vector))
    if not 0 < length < np.inf:
        raise InvalidRequest("vector has no direction: all its numbers are 0, or one is too large")
    unit: Vectors = vector / np.float32(length)
    return unit


def _mean_vector(index: IndexVersion, row: int) -> Vectors:
    """Return the mean of the vectors of a document's passages, shape (dimension,)."""
    mean: Vectors = index.vectors.vectors(index.passages_of(np.array([row]))).mean(axis=0)
    return mean


def _joined(first: Query | None, second: Query | None) -> Query | None:
    """Return the query for what matches both, or the one that there is."""
    if first is None or second is None:
        return second if first is None else first
    return Query.boolean_query([(Occur.Must, first), (Occur.Must, second)])


def compile_filter(index: IndexVersion, condition: Mapping[str, Any] | None) -> Query | None:
    """Return the query for a filter on the index's metadata, or None if there is no filter.

    Raises:
        InvalidRequest: the filter is malformed, or the index's fields don't allow it.
    """
    if condition is None or condition == {}:
        return None
    return FilterCompiler(index.manifest.schema, index.text.fields).compile(condition)


def find(index: IndexVersion, document_id: str) -> int:
    """Return the row of a document.

    Raises:
        DocumentNotFound: no document has this id.
    """
    row = index.text.row_of(document_id)
    if row is None:
        raise DocumentNotFound(
            f"index {index.manifest.name!r} has no document with id {document_id!r}"
        )
    return row


def _matched(index: IndexVersion, query: _Query, ranking: Ranking) -> Query:
    """Return the query for what facets count and sorts order: all with the words, and one pool."""
    if query.browsed is not None:
        return query.browsed
    parts = [] if query.keyword_query is None else [query.keyword_query]
    if query.request.mode != "keyword":
        parts.append(index.text.any_row(ranking.documents[: POOLS[0]]))
    if parts:
        matched = Query.boolean_query([(Occur.Should, part) for part in parts])
    else:
        matched = Query.empty_query()
    return matched if query.filter_query is None else both(matched, query.filter_query)


def _spreads(
    index: IndexVersion, request: SearchRequest, matched: Query | None
) -> dict[str, Spread]:
    """Return the spread of each facet of numbers or dates."""
    if matched is None:
        return {}
    found = {name: spread(index, name, matched) for name in request.facets}
    return {name: each for name, each in found.items() if each}


def _sort(index: IndexVersion, request: SearchRequest, ranking: Ranking, matched: Query) -> Ranking:
    name, descending = request.sort.removeprefix("-"), request.sort.startswith("-")
    field = usable_field(index, name, "sorted by")
    if index.manifest.schema[name].list:
        raise InvalidRequest(
            f"{name!r} has lists of values, which have no order; sort by another field"
        )
    depth = request.offset + request.k
    return ranking.reordered(index.text.sorted_rows(matched, field, descending, depth))


def _greatest(cosines: Scores) -> float | None:
    """Return the greatest of the cosines that are known, or None if none is."""
    known = cosines[~np.isnan(cosines)]
    return float(known.max()) if len(known) else None


def _explanation(ranking: Ranking, at: int) -> Explanation:
    cosine, bm25 = float(ranking.cosines[at]), float(ranking.bm25[at])
    semantic, keyword = float(ranking.semantic[at]), float(ranking.keyword[at])
    explanation: Explanation = {
        "cosine": _or_none(cosine),
        "bm25": _or_none(bm25),
        "semantic": _or_none(semantic),
        "keyword": _or_none(keyword),
        "semantic_rank": None if np.isnan(cosine) else 1 + int((ranking.cosines > cosine).sum()),
        "keyword_rank": 1 + int((ranking.bm25 > bm25).sum()) if bm25 > 0 else None,
    }
    if not np.isnan(ranking.reranked[at]):
        explanation["rerank"] = float(ranking.reranked[at])
    return explanation


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value


def _wordiest(index: IndexVersion, row: int, document: Document, terms: list[str]) -> Span:
    """Return the span of the passage in which `terms` occur most often, the first of several."""
    spans = [index.span(passage) for passage in index.passages_of(np.array([row]))]
    if len(spans) == 1:
        return spans[0]
    text = document.text.lower()
    return max(spans, key=lambda span: sum(text.count(term, *span) for term in terms))
