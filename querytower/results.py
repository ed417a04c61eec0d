"""What an index returns: plain values, which a notebook shows as a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Self, overload

from handler.corpus.document import Document
from handler.index.engine import FacetCount
from handler.search import answer
from handler.search.answer import Explanation, Total
from handler.search.facets import Spread

__all__ = ["Document", "Hit", "Results"]

SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(Document):
    """A document that was found, with its best passage.

    `score` orders the hits and has no unit; it is None where a sort ordered them. `section` names the
    headings or the page that the passage is from, and `url` leads there; it is empty if there is
    none. `highlight`, the passage as HTML, and `explanation` are there when they were asked for.
    """

    score: float | None
    passage: str
    section: str = ""
    highlight: str | None = None
    explanation: Explanation | None = None
    others: int | None = None
    distance: float | None = None

    @classmethod
    def of(cls, hit: answer.Hit) -> Self:
        """Return the flat form of what a searcher found."""
        document = hit.document
        return cls(
            id=document.id,
            title=document.title,
            text=document.text,
            url=hit.url,
            metadata=document.metadata,
            sections=document.sections,
            score=hit.score,
            passage=document.text[slice(*hit.passage)],
            section=hit.section.label if hit.section else "",
            highlight=hit.highlight,
            explanation=hit.explanation,
            others=hit.others,
            distance=hit.distance,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Results(Sequence[Hit]):
    """The hits of one search, best first, and the counts of each facet that was asked for.

    `spreads` has the facets of numbers and dates, `total` the number of matches if it was asked for,
    and `corrected` the right spelling of each word that was taken for a misspelling.
    """

    hits: list[Hit]
    facets: Mapping[str, Sequence[FacetCount]] = field(default_factory=dict)
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    total: Total | None = None
    corrected: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, found: answer.Answer) -> Self:
        """Return the flat form of what a searcher answered."""
        return cls(
            hits=[Hit.of(hit) for hit in found.hits],
            facets=found.facets,
            spreads=found.spreads,
            total=found.total,
            corrected=found.corrected,
        )

    @overload
    def __getitem__(self, place: int) -> Hit: ...
    @overload
    def __getitem__(self, place: slice) -> list[Hit]: ...
    def __getitem__(self, place: int | slice) -> Hit | list[Hit]:
        """Return the hit at a place, from 0, or several."""
        return self.hits[place]

    def __len__(self) -> int:
        """Return the number of hits."""
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        """Yield the hits, best first."""
        return iter(self.hits)

    def _repr_html_(self) -> str:
        """Return the table that notebooks show."""
        head = "<tr><th></th><th>title</th><th>passage</th><th>metadata</th><th>score</th></tr>"
        rows = "".join(_row(rank, hit) for rank, hit in enumerate(self.hits, start=1))
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _row(rank: int, hit: Hit) -> str:
    title = escape(hit.title or hit.id)
    # A link from a corpus may be anything; a notebook must not run it as a script.
    if hit.url.startswith(("https://", "http://")):
        title = f'<a href="{escape(hit.url)}">{title}</a>'
    cut = "…" if len(hit.passage) > SHOWN_CHARS else ""
    # A highlight comes escaped, with nothing but <mark> in it.
    passage = hit.highlight or escape(hit.passage[:SHOWN_CHARS]) + cut
    metadata = "<br>".join(
        f"{escape(name)}: {escape(_text(value))}" for name, value in hit.metadata.items()
    )
    score = "" if hit.score is None else f"{hit.score:.3f}"
    cells = (str(rank), title, passage, metadata, score)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
