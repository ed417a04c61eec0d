"""What answers a search."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NotRequired

from typing_extensions import TypedDict

from handler.corpus.document import Document, Section
from handler.index.engine import FacetCount
from handler.search.facets import Spread


class Explanation(TypedDict):
    """How a score came about; null is what a part of the search didn't find.

    `semantic` and `keyword` are `cosine` and `bm25` in standard deviations from the mean of the
    candidates. Ranks count from 1, among the candidates. `rerank`, 0 to 1, is there for documents
    that the second stage ordered; it takes precedence over the score.
    """

    cosine: float | None
    bm25: float | None
    semantic: float | None
    keyword: float | None
    semantic_rank: int | None
    keyword_rank: int | None
    rerank: NotRequired[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document, its score, and the start and end of its best passage, in characters of its text.

    `score` is None where a sort, not a score, gave the document its place.
    `highlight` and `explanation` are there when they were asked for, and `others`, the number of
    further hits of the same group, when each group was to be shown once. `distance` is in metres,
    from the place of a sort or filter.
    """

    document: Document
    score: float | None
    passage: tuple[int, int]
    highlight: str | None = None
    explanation: Explanation | None = None
    others: int | None = None
    distance: float | None = None

    @property
    def section(self) -> Section | None:
        """The section that the passage lies in, if it lies in one."""
        return self.document.section_of(*self.passage)

    @property
    def url(self) -> str:
        """The URL of that section, or else of the document."""
        return self.document.url_of(self.section)


@dataclass(frozen=True, slots=True)
class Total:
    """How many documents match; `exact` unless meaning alone may find more."""

    documents: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The hits of one page, the values of each facet, and the seconds that each stage took.

    `spreads` has the facets of numbers and dates, `total` what was asked for.
    `nothing_close` tells that no hit has a word of the query, or is nearer than chance.
    `cosine` is that of the nearest passage to the query, whether or not its document is on the
    page; None in keyword mode. `corrected` has the right spelling of each word that was taken for
    a misspelling. `terms` has the stems that were looked for.
    """

    hits: list[Hit]
    facets: dict[str, list[FacetCount]] = field(default_factory=dict)
    spreads: dict[str, Spread] = field(default_factory=dict)
    total: Total | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    corrected: dict[str, str] = field(default_factory=dict)
    terms: list[str] = field(default_factory=list)
    nothing_close: bool = False
    cosine: float | None = None


def corrected_query(query: str, corrected: Mapping[str, str]) -> str:
    """Return what was typed with the right spelling of the words in `corrected`."""
    return re.sub(r"[^\W_]+", lambda word: corrected.get(word[0].lower(), word[0]), query)
