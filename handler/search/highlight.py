"""The passage that matched, as HTML in which the words or the sentence that matched are marked."""

import re
from collections.abc import Sequence
from html import escape

from handler.encoder import Vectors
from handler.index.analysis import UNSPACED
from handler.index.engine import Analyzer
from handler.index.names import name_spans

# Start and end of a part of a text, in characters.
Span = tuple[int, int]

# A passage is a document's whole text if it was not split. More of it than this is no highlight.
MOST_CHARS = 10_000
# Encoding a sentence of a few letters takes as long as one of so many.
LEAST_COST = 50

# The spans of the sentences of a text, and their unit vectors, shape (sentences, dimension).
Sentences = tuple[list[Span], Vectors]


class Allowance:
    """The characters of sentences that may still be encoded for the highlights of one request."""

    def __init__(self, chars: int) -> None:
        """Allow `chars` characters in all."""
        self._left = chars

    def take(self, spans: Sequence[Span]) -> bool:
        """Take what sentences at `spans` cost, if that is left; tell whether it was."""
        cost = sum(max(end - start, LEAST_COST) for start, end in spans)
        if cost > self._left:
            return False
        self._left -= cost
        return True


def word_spans(text: str, terms: Sequence[str], analyzer: Analyzer) -> list[Span]:
    """Return the spans of the words and names of `text` that are among `terms`.

    They are in order and disjoint. `terms` are stems and names as the index has them.
    """
    wanted = set(terms)
    spans = [
        (token.char_offset_from, token.char_offset_to or 0)
        for token in analyzer.pre_tokenize(text).tokens
        if token.text in wanted
    ]
    for start, end, name in name_spans(text):
        if name in wanted or not wanted.isdisjoint(analyzer.analyze(name)):
            spans.append((start, end))
    for term in terms:
        if UNSPACED.fullmatch(term):
            spans += [match.span() for match in re.finditer(re.escape(term), text)]
    return _joined(spans)


def closest_sentence(sentences: Sentences, query: Vectors) -> list[Span]:
    """Return the span of the sentence nearest to `query`, a unit vector of shape (dimension,).

    A single sentence isn't worth marking: then there is no span.
    """
    spans, vectors = sentences
    return [spans[int((vectors @ query).argmax())]] if len(spans) > 1 else []


def mark(text: str, spans: Sequence[Span]) -> str:
    """Return `text` as escaped HTML with <mark> around `spans`, which are in order and disjoint."""
    parts: list[str] = []
    end = 0
    for start, stop in spans:
        parts += [escape(text[end:start]), "<mark>", escape(text[start:stop]), "</mark>"]
        end = stop
    return "".join([*parts, escape(text[end:])])


def _joined(spans: list[Span]) -> list[Span]:
    """Return `spans` in order, with those that touch or overlap joined into one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
