"""The passage that matched, as HTML with the words or the sentence that made it match marked."""

import re
from collections.abc import Sequence
from html import escape

from tantivy import TextAnalyzer

from handler.encoder import Vectors
from handler.index.analysis import UNSPACED

Span = tuple[int, int]

# The spans of the sentences of a text, and their unit vectors, shape (sentences, dimension).
Sentences = tuple[list[Span], Vectors]


def word_spans(text: str, terms: Sequence[str], analyzer: TextAnalyzer) -> list[Span]:
    """Return the character spans of the words of `text` whose stems are among `terms`, in order, disjoint."""
    wanted = set(terms)
    tokens = analyzer.pre_tokenize(text).tokens
    spans = [
        (token.char_offset_from, token.char_offset_to or 0)
        for token in tokens
        if token.text in wanted
    ]
    for term in terms:
        if UNSPACED.fullmatch(term):
            spans += [match.span() for match in re.finditer(re.escape(term), text)]
    return _joined(spans)


def closest_sentence(sentences: Sentences, query: Vectors) -> list[Span]:
    """Return the span of the sentence nearest to the unit vector `query`; none if there is only one."""
    spans, vectors = sentences
    return [spans[int((vectors @ query).argmax())]] if len(spans) > 1 else []


def mark(text: str, spans: Sequence[Span]) -> str:
    """Return `text` as HTML, escaped, with <mark> around `spans`, which are in order and don't overlap."""
    parts, end = [], 0
    for start, stop in spans:
        parts += [escape(text[end:start]), "<mark>", escape(text[start:stop]), "</mark>"]
        end = stop
    return "".join([*parts, escape(text[end:])])


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
