"""Query to answer: encode, rank, cut the page, highlight, explain, count facets."""

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from tantivy import Occur, Query

from handler.corpus.document import Document
from handler.corpus.passages import sentence_spans
from handler.encoder import Encoder, Vectors
from handler.errors import DocumentNotFound, InvalidRequest
from handler.index.index_version import IndexVersion
from handler.index.text_index import FacetCount
from handler.index.text_writer import field_name
from handler.search.answer import Answer, Hit, SearchRequest
from handler.search.filters import FilterCompiler
from handler.search.highlight import Sentences, closest_sentence, mark, word_spans
from handler.search.ranking import NO_PASSAGE, POOLS, Mode, Ranking, rank
from handler.search.retrieve import both, nearest

FACET_VALUES = 20
# Passages whose sentences' vectors are kept for highlighting: about 1.5 kB a sentence.
SENTENCES_OF = 1000


class Searcher:
    """Answers requests from any index version that was made with its encoder."""

    def __init__(self, encoder: Encoder, cached_queries: int = 1000) -> None:
        """Compose; the embeddings of the last `cached_queries` queries are kept for paging and filter clicks."""
        self._encoder = encoder
        self._vector = lru_cache(cached_queries)(self._encode)
        # While somebody types, the same passages come up again and again.
        self._sentences = lru_cache(SENTENCES_OF)(self._encode_sentences)

    def search(self, index: IndexVersion, request: SearchRequest) -> Answer:
        """Answer `request` from `index`.

        Raises:
            InvalidRequest: a filter, facet or sort that the index's fields don't allow.
        """
        started = time.perf_counter()
        passing = compile_filter(index, request.filter)
        vector = None if request.mode == "keyword" else self._vector(request.text)
        encoded = time.perf_counter()
        words = None if request.mode == "semantic" else index.text.query(request.text)
        ranking = rank(index, request.mode, vector, words, passing, request.offset + request.k)
        facets = {}
        if request.facets or request.sort:
            matched = _matched(index, request.mode, ranking, words, passing)
            facets = self._facets(index, request, matched)
            ranking = _sort(index, request, ranking, matched) if request.sort else ranking
        page = range(request.offset, min(request.offset + request.k, len(ranking.documents)))
        # A hit without a passage from its vectors shows the one with most of these words.
        wanted = request.highlight or request.sort or request.mode == "keyword"
        terms = index.text.terms(request.text) if wanted else []
        hits = [self._hit(index, request, ranking, at, vector, terms) for at in page]
        done = time.perf_counter()
        return Answer(hits, facets, {"encode": encoded - started, "search": done - encoded})

    def similar(self, index: IndexVersion, document_id: str, k: int) -> Answer:
        """Return the `k` documents nearest to one of the index, by the mean of its passages.

        Raises:
            DocumentNotFound: no document has this id.
        """
        started = time.perf_counter()
        row = find(index, document_id)
        mean = index.vectors.vectors(index.passages_of(np.array([row]))).mean(axis=0)
        near = nearest(index, mean / (np.linalg.norm(mean) or 1), k + 1)
        found = zip(near.documents, near.passages, near.cosines, strict=True)
        hits = [
            Hit(index.document(other), float(cosine), index.span(passage))
            for other, passage, cosine in found
            if other != row
        ]
        return Answer(hits[:k], seconds={"search": time.perf_counter() - started})

    def _encode(self, text: str) -> Vectors:
        vector: Vectors = self._encoder.encode([text], "query")[0]
        return vector

    def _encode_sentences(self, text: str) -> Sentences:
        spans = sentence_spans(text)
        several = len(spans) > 1
        return spans, self._encoder.encode(
            [text[start:end] for start, end in spans] if several else [], "document"
        )

    def _hit(
        self,
        index: IndexVersion,
        request: SearchRequest,
        ranking: Ranking,
        at: int,
        vector: Vectors | None,
        terms: list[str],
    ) -> Hit:
        document = index.document(int(ranking.documents[at]))
        passage = int(ranking.passages[at])
        if passage == NO_PASSAGE:
            span = _wordiest(index, int(ranking.documents[at]), document, terms)
        else:
            span = index.span(passage)
        return Hit(
            document,
            None if np.isnan(ranking.scores[at]) else float(ranking.scores[at]),
            span,
            self._highlight(index, document, span, terms, vector) if request.highlight else None,
            _explanation(ranking, at) if request.explain else None,
        )

    def _highlight(
        self,
        index: IndexVersion,
        document: Document,
        span: tuple[int, int],
        terms: list[str],
        vector: Vectors | None,
    ) -> str:
        text = document.text[slice(*span)] or document.title
        spans = word_spans(text, terms, index.text.words)
        if not spans and vector is not None:
            spans = closest_sentence(self._sentences(text), vector)
        return mark(text, spans)

    def _facets(
        self, index: IndexVersion, request: SearchRequest, matched: Query
    ) -> dict[str, list[FacetCount]]:
        schema = index.manifest.schema
        return {
            name: index.text.facet(
                matched, _usable(index, name, "counted"), schema[name].kind, FACET_VALUES
            )
            for name in request.facets
        }


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


def _matched(
    index: IndexVersion, mode: Mode, ranking: Ranking, words: Query | None, passing: Query | None
) -> Query:
    """Return the query for what facets count and sorting orders: all that has the words, and the first pool."""
    parts = [] if words is None else [words]
    if mode != "keyword":
        parts.append(index.text.any_row(ranking.documents[: POOLS[0]]))
    matched = (
        Query.boolean_query([(Occur.Should, part) for part in parts])
        if parts
        else Query.empty_query()
    )
    return matched if passing is None else both(matched, passing)


def _sort(index: IndexVersion, request: SearchRequest, ranking: Ranking, matched: Query) -> Ranking:
    name, descending = request.sort.removeprefix("-"), request.sort.startswith("-")
    key = _usable(index, name, "sorted by")
    if index.manifest.schema[name].list:
        raise InvalidRequest(
            f"{name!r} has lists of values, which have no order; sort by another field"
        )
    return ranking.reordered(
        index.text.sorted_rows(matched, key, descending, request.offset + request.k)
    )


def _usable(index: IndexVersion, name: str, purpose: str) -> str:
    """Return the text index's name of a metadata field that is more than long text."""
    schema = index.manifest.schema
    if name not in schema or schema[name].kind == "text":
        known = ", ".join(field for field, entry in schema.items() if entry.kind != "text")
        raise InvalidRequest(f"{name!r} can't be {purpose}; fields that can: {known or 'none'}")
    return field_name(schema, name)


def _explanation(ranking: Ranking, at: int) -> dict[str, float | int | None]:
    """Return the parts of a score; ranks count from 1, among the candidates. What a part didn't find is None."""
    cosine, bm25 = float(ranking.cosines[at]), float(ranking.bm25[at])
    values: dict[str, float] = {
        "cosine": cosine,
        "bm25": bm25,
        "semantic": float(ranking.semantic[at]),
        "keyword": float(ranking.keyword[at]),
    }
    explanation: dict[str, float | int | None] = {
        n: None if np.isnan(v) else v for n, v in values.items()
    }
    explanation["semantic_rank"] = (
        None if np.isnan(cosine) else 1 + int((ranking.cosines > cosine).sum())
    )
    explanation["keyword_rank"] = 1 + int((ranking.bm25 > bm25).sum()) if bm25 > 0 else None
    return explanation


def _wordiest(
    index: IndexVersion, row: int, document: Document, terms: list[str]
) -> tuple[int, int]:
    """Return the span of the passage in which the query's stems occur most often, the first of several."""
    spans = [index.span(passage) for passage in index.passages_of(np.array([row]))]
    if len(spans) == 1:
        return spans[0]
    text = document.text.lower()
    return max(spans, key=lambda span: sum(text.count(term, *span) for term in terms))
