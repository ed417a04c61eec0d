"""Documents on the search page: hits, the reason why each matched, and metadata."""

import re
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from handler.corpus.document import Document, Value
from handler.markup import NOTHING, Html, fill, joined
from handler.page.page_state import PageState
from handler.page.templates import part
from handler.search.answer import Explanation, Hit
from handler.settings import Settings

TITLE_CHARS = 90
LINK = re.compile(r"https?://[^\s\\]+", re.IGNORECASE)
# A mark of so many characters is no word that matched, but the sentence nearest in meaning.
SENTENCE = re.compile(r"<mark>[^<]{40}")
# What made a document match, by the name of its symbol on the page.
MATCHES = {"both": "Meaning and words", "meaning": "Meaning", "words": "Words"}


def hits(settings: Settings, asked: PageState, found: Sequence[Hit]) -> Html:
    """Return `found` as list items."""
    return joined(_hit(settings, asked, hit, f"hit-{at}") for at, hit in enumerate(found))


def _hit(settings: Settings, asked: PageState, hit: Hit, key: str) -> Html:
    document = hit.document
    start, end = hit.passage
    like = asked.link(like=document.id)
    return part(
        "hit",
        key=key,
        marks="sentence" if SENTENCE.search(hit.highlight or "") else "words",
        title=linked(title_of(document), hit.url, like),
        section=_section(hit),
        facts=facts(settings, document),
        before="… " if start > 0 else "",
        passage=document.text[start:end] if hit.highlight is None else Html(hit.highlight),
        after=" …" if 0 < end < len(document.text) else "",
        why=_why(hit, hit.explanation) if hit.explanation else NOTHING,
        like=like,
    )


def _section(hit: Hit) -> Html:
    """Return the headings or the page that the passage is from."""
    section = hit.section
    return part("section", text=section.label) if section and section.label else NOTHING


def _why(hit: Hit, explanation: Explanation) -> Html:
    """Return the fold that tells why a document matched."""
    kind = match_of(explanation)
    return part(
        "why",
        id=f"why-{quote(hit.document.id)}",
        kind=kind,
        label=MATCHES[kind],
        meaning=_share("cosine", explanation["cosine"], explanation["semantic_rank"]),
        words=_share("BM25", explanation["bm25"], explanation["keyword_rank"]),
        score="none, in this order" if hit.score is None else f"{hit.score:.3f}",
        place=_place(hit),
    )


def _place(hit: Hit) -> str:
    (start, end), length = hit.passage, len(hit.document.text)
    if start == 0 and end in (0, length):
        return "the whole text"
    return f"{start:,} to {end:,} of {length:,} characters"


def match_of(explanation: Explanation) -> str:
    """Return what made a document match: meaning, words or both.

    Every candidate has a cosine. If it is below the candidates' mean, only the words made the
    document match.
    """
    if explanation["keyword_rank"] is None:
        return "meaning"
    return "both" if (explanation["semantic"] or 0) > 0 else "words"


def _share(measure: str, value: float | None, rank: float | None) -> str:
    if value is None or rank is None:
        return "no part in it"
    return f"place {rank:,}, {measure} {value:.3f}"


def title_of(document: Document) -> str:
    """Return a document's title, or else the start of its text."""
    if document.title:
        return document.title
    start = document.text[:TITLE_CHARS]
    return start if start == document.text else start.rsplit(" ", 1)[0] + " …"


def linked(title: str, url: str, otherwise: str = "") -> Html:
    """Return a title with a link to `url` if that is a web address, or else to `otherwise`."""
    href = url if host_of(url) else otherwise
    return part("link", href=href, title=title) if href else fill("$title", title=title)


def host_of(url: str) -> str:
    """Return the host of an http or https URL; nothing for any other."""
    try:
        return urlsplit(url).hostname or "" if LINK.fullmatch(url) else ""
    except ValueError:
        return ""


def facts(settings: Settings, document: Document) -> Html:
    """Return a document's metadata and the host it links to."""
    names = fields_shown(settings) or list(document.metadata)
    items = [_fact(name, document.metadata[name]) for name in names if name in document.metadata]
    if site := host_of(document.url):
        items.append(part("fact", kind="visually-hidden", name="site", text=site))
    return part("facts", facts=joined(items)) if items else NOTHING


def fields_shown(settings: Settings) -> list[str]:
    """Return the names of the metadata fields that the settings choose; empty means all."""
    return [name.strip() for name in settings.page_fields.split(",") if name.strip()]


def _fact(name: str, value: Value) -> Html:
    """Return a value, with its field's name visible where the value alone says little."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else shown(value)
    clear = isinstance(value, str | list) or "year" in name.lower()
    text = text if len(text) <= TITLE_CHARS else text[:TITLE_CHARS] + "…"
    return part("fact", kind="visually-hidden" if clear else "name", name=name, text=text)


def shown(value: object) -> str:
    """Return a value as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
