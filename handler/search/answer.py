"""A search request and what answers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handler.corpus.document import Document
from handler.index.text_index import FacetCount
from handler.search.ranking import Mode


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is searched for: `k` hits after the first `offset`, among the documents that pass `filter`.

    `sort` names a metadata field, with - in front for descending order.
    """

    text: str
    k: int = 10
    offset: int = 0
    mode: Mode = "hybrid"
    filter: Mapping[str, Any] | None = None
    sort: str = ""
    facets: Sequence[str] = ()
    explain: bool = False
    highlight: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A document, its score, the characters of its text that its best passage covers, and what was asked for."""

    document: Document
    score: float | None
    passage: tuple[int, int]
    highlight: str | None = None
    explanation: dict[str, float | int | None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits of one page, the counts of values of each facet, and the seconds that each stage took."""

    hits: list[Hit]
    facets: dict[str, list[FacetCount]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
