"""Hits of a page: document, passage, highlight, explanation."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from handler.corpus.document import Document
from handler.corpus.passages import sentence_spans
from handler.encoder import Encoder
from handler.index.engine import Engine
from handler.index.manifest import NOISE
from handler.search.answer import Explanation, Hit
from handler.search.highlight import (
    MOST_CHARS,
    Sentences,
    Span,
    closest_sentence,
    mark,
    word_spans,
)
from handler.search.index_query import IndexQuery
from handler.search.ranking import NO_PASSAGE, Ranking

# Passages whose sentences' vectors are cached for highlights: about 1.5 kB per sentence.
CACHED_PASSAGES = 1000


class HitMaker:
    """Makes the hits of rankings; it keeps the vectors of sentences that it compared."""

    def __init__(self, encoder: Encoder) -> None:
        """Highlight by the sentences' vectors that `encoder` makes."""
        self._encoder = encoder
        # The same passages come up again and again while somebody types.
        self._sentences = lru_cache(CACHED_PASSAGES)(self._encode_sentences)

    def hit(
        self,
        index: Engine,
        query: IndexQuery,
        ranking: Ranking,
        at: int,
        document: Document,
        others: Mapping[int, int],
    ) -> Hit:
        """Return the hit at a place of a ranking.

        Args:
            index: the version that was searched.
            query: what was asked.
            ranking: what was found.
            at: place in the ranking, from 0.
            document: the document of that place.
            others: for documents that stand for a group, the number of others in it.
        """
        row, passage = int(ranking.documents[at]), int(ranking.passages[at])
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
        self, index: Engine, query: IndexQuery, document: Document, span: Span, cosine: float
    ) -> str:
        """Mark the words of the query, or else the nearest sentence, unless that is chance."""
        text = (document.text[slice(*span)] or document.title)[:MOST_CHARS]
        spans = word_spans(text, query.terms, index.stems)
        chance = cosine <= index.manifest.quality.get(NOISE, -2.0)
        if spans or query.vector is None or chance:
            return mark(text, spans)
        if query.allowance.take(sentence_spans(text)):
            spans = closest_sentence(self._sentences(text), query.vector)
        return mark(text, spans)

    def _encode_sentences(self, text: str) -> Sentences:
        spans = sentence_spans(text)
        texts = [text[start:end] for start, end in spans] if len(spans) > 1 else []
        return spans, self._encoder.encode(texts, "document")


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


def _wordiest(index: Engine, row: int, document: Document, terms: list[str]) -> Span:
    """Return the span of the passage in which `terms` occur most often, the first of several."""
    spans = [index.span(passage) for passage in index.passages_of(np.array([row]))]
    if len(spans) == 1:
        return spans[0]
    text = document.text.lower()
    return max(spans, key=lambda span: sum(text.count(term, *span) for term in terms))
