"""Documents on the search page: their titles, and hits as list items."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from handler.corpus.document import Document
from handler.corpus.schema import Schema
from handler.markup import NOTHING, Html, joined
from handler.page.facts import facts
from handler.page.links import linked
from handler.page.page_state import PageState
from handler.page.passages import passage
from handler.page.pictures import NO_PICTURES, Pictures
from handler.page.templates import part
from handler.page.why import Scale, why
from handler.search.answer import Hit

TITLE_CHARS = 90
# A mark of so many characters is no word that matched, but the sentence nearest in meaning.
SENTENCE = re.compile(r"<mark>[^<]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """What a page shows documents by.

    Attributes:
        asked: the state of the page, which its links change.
        fields: the metadata fields to show.
        filters: the metadata fields that the page filters by.
        mark: marks the words of the query in a text, and returns HTML.
        pictures: which pictures documents have.
    """

    asked: PageState
    fields: Sequence[str]
    filters: Schema
    mark: Callable[[str], str] = escape
    pictures: Pictures = NO_PICTURES

    def facts(self, document: Document) -> Html:
        """Return the metadata of a document."""
        return facts(self.asked, document, self.fields, self.filters)

    def picture(self, document: Document) -> Html:
        """Return the picture of a document, if it has one that may be shown."""
        url = self.pictures.of(document)
        return part("picture", url=url) if url else NOTHING

    def hits(self, found: Sequence[Hit]) -> Html:
        """Return `found` as list items."""
        scale = Scale.of(found)
        return joined(self._hit(hit, scale, f"hit-{at}") for at, hit in enumerate(found))

    def _hit(self, hit: Hit, scale: Scale, key: str) -> Html:
        document = hit.document
        like = self.asked.link(like=document.id)
        title = Html(self.mark(title_of(document)))
        return part(
            "hit",
            key=key,
            marks="sentence" if SENTENCE.search(hit.highlight or "") else "words",
            title=linked(title, hit.url, like),
            picture=self.picture(document),
            section=_section(hit),
            facts=self.facts(document),
            passage=passage(hit),
            why=why(hit, scale, title + (hit.highlight or "")),
            like=like,
        )


def _section(hit: Hit) -> Html:
    """Return the headings or the page that the passage is from."""
    section = hit.section
    return part("section", text=section.label) if section and section.label else NOTHING


def title_of(document: Document) -> str:
    """Return a document's title, or else the start of its text."""
    if document.title:
        return document.title
    start = document.text[:TITLE_CHARS]
    return start if start == document.text else start.rsplit(" ", 1)[0] + " …"
