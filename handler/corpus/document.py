"""A document, its sections, and how both are stored."""

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

# Between a title and a heading, and between headings.
SEPARATOR = " › "

Value = str | int | float | bool | list[str] | list[int] | list[float]

# One encoder for all documents: json.dumps makes a new one for each, and looks for cycles.
encode_json = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


class Section(NamedTuple):
    """A part of a document's text that can be linked to: what follows a heading, or a page.

    Attributes:
        start: character of the text where its heading begins.
        body: character where the heading ends.
        heading: its heading below those that it is part of, such as "Install › Linux"; may be empty.
        anchor: what follows # in a link to it, such as "linux" or "page=3"; may be empty.
    """

    start: int
    body: int
    heading: str
    anchor: str

    @property
    def label(self) -> str:
        """What people call it: its heading and its page, or what there is of them."""
        name, _, page = self.anchor.partition("=")
        if name != "page":
            return self.heading
        return f"{self.heading}, page {page}" if self.heading else f"page {page}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One thing that can be found: the fields of the corpus, and everything else as metadata.

    `sections` are in the order of the text; text before the first belongs to none. `vector` is a
    hash of the vector that came with the document, if one did.
    """

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, Value]
    sections: tuple[Section, ...] = ()
    vector: str = ""

    @classmethod
    def from_stored(cls, values: Sequence[Any]) -> Self:
        """Return the document that `to_json` rendered; sections may be missing, as in format 2."""
        key, title, text, url, metadata, *more = values
        return cls(
            id=key,
            title=title,
            text=text,
            url=url,
            metadata=metadata,
            sections=tuple(Section(*each) for each in (more[0] if more else ())),
            vector=more[1] if len(more) > 1 else "",
        )

    def section_at(self, place: int) -> Section | None:
        """Return the section that holds a character of the text, if one does."""
        at = bisect_right(self.sections, place, key=lambda section: section.start)
        return self.sections[at - 1] if at else None

    def section_of(self, start: int, end: int) -> Section | None:
        """Return the section that holds these characters of the text, if one holds all of them."""
        section = self.section_at(start)
        return section if section is self.section_at(max(start, end - 1)) else None

    def url_of(self, section: Section | None) -> str:
        """Return the URL of a section, or of the document where it has none."""
        if not (section and section.anchor and self.url) or "#" in self.url:
            return self.url
        return f"{self.url}#{section.anchor}"


def to_json(document: Document) -> str:
    """Render the document as it is stored."""
    fields = [
        document.id,
        document.title,
        document.text,
        document.url,
        document.metadata,
        document.sections,
        *([document.vector] if document.vector else []),
    ]
    return encode_json(fields)
