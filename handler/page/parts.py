"""Parts of the search page: hits with the reason why they matched, metadata, filters."""

import re
from collections.abc import Mapping, Sequence
from typing import get_args
from urllib.parse import quote, urlsplit

from handler.corpus.document import Document, Value
from handler.corpus.schema import FieldKind, Schema
from handler.index.text_index import FacetCount
from handler.markup import NOTHING, Html, fill, flag, joined
from handler.page.page_state import OWN, PageState, field_of
from handler.page.templates import part
from handler.search.answer import Hit
from handler.search.ranking import Mode
from handler.settings import Settings

CHIPS = 8
TITLE_CHARS = 90
LINK = re.compile(r"https?://[^\s\\]+", re.IGNORECASE)
# A mark as long as this is no word that matched, but the sentence nearest in meaning.
SENTENCE = re.compile(r"<mark>[^<]{40}")
MODES = dict(
    zip(
        get_args(Mode),
        (("both", "Meaning and words"), ("meaning", "Meaning"), ("words", "Words")),
        strict=True,
    )
)
MATCHES = dict(MODES.values())
INPUTS: Mapping[FieldKind, str] = {"integer": "number", "float": "number", "date": "date"}


def modes(asked: PageState) -> Html:
    """Return the switch between ways to search."""
    return joined(
        part("mode", mode=mode, kind=kind, label=label, checked=flag("checked", asked.mode == mode))
        for mode, (kind, label) in MODES.items()
    )


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
        title=linked(title_of(document), document.url, like),
        facts=facts(settings, document),
        before="… " if start > 0 else "",
        passage=document.text[start:end] if hit.highlight is None else Html(hit.highlight),
        after=" …" if 0 < end < len(document.text) else "",
        why=_why(hit) if hit.explanation else NOTHING,
        like=like,
    )


def _why(hit: Hit) -> Html:
    part_of = hit.explanation or {}
    (start, end), length = hit.passage, len(hit.document.text)
    kind = match_of(part_of)
    return part(
        "why",
        id=f"why-{quote(hit.document.id)}",
        kind=kind,
        label=MATCHES[kind],
        meaning=_share("cosine", part_of["cosine"], part_of["semantic_rank"]),
        words=_share("BM25", part_of["bm25"], part_of["keyword_rank"]),
        score="none, in this order" if hit.score is None else f"{hit.score:.3f}",
        place="the whole text"
        if start == 0 and end in (0, length)
        else f"{start:,} to {end:,} of {length:,} characters",
    )


def match_of(explanation: Mapping[str, float | None]) -> str:
    """Return what made a document match: meaning, words or both.

    Every candidate has a cosine. Where it is below the candidates' mean, the words brought the document up.
    """
    if explanation["keyword_rank"] is None:
        return "meaning"
    return "both" if (explanation["semantic"] or 0) > 0 else "words"


def _share(measure: str, value: float | None, rank: float | None) -> str:
    return (
        "no part in it"
        if value is None or rank is None
        else f"place {rank:,}, {measure} {value:.3f}"
    )


def title_of(document: Document) -> str:
    """Return a document's title, or else the start of its text."""
    start = document.text[:TITLE_CHARS]
    return document.title or (start if start == document.text else start.rsplit(" ", 1)[0] + " …")


def linked(title: str, url: str, otherwise: str = "") -> Html:
    """Return a title that links to `url`, if that is a web address, or else to `otherwise`, if there is that."""
    href = url if host_of(url) else otherwise
    return part("link", href=href, title=title) if href else fill("$title", title=title)


def host_of(url: str) -> str:
    """Return the host of an http or https URL; nothing for any other."""
    try:
        return urlsplit(url).hostname or "" if LINK.fullmatch(url) else ""
    except ValueError:
        return ""


def facts(settings: Settings, document: Document) -> Html:
    """Return a document's metadata, and the host that it links to."""
    names = fields_shown(settings) or list(document.metadata)
    items = [_fact(name, document.metadata[name]) for name in names if name in document.metadata]
    if site := host_of(document.url):
        items.append(part("fact", kind="visually-hidden", name="site", text=site))
    return part("facts", facts=joined(items)) if items else NOTHING


def fields_shown(settings: Settings) -> list[str]:
    """Return the names of the metadata fields that the settings choose; none means all."""
    return [name.strip() for name in settings.page_fields.split(",") if name.strip()]


def _fact(name: str, value: Value) -> Html:
    """Return a value; a number, true or false says little alone and has its name in front."""
    text = ", ".join(value) if isinstance(value, list) else _text(value)
    clear = isinstance(value, str | list) or "year" in name.lower()
    text = text if len(text) <= TITLE_CHARS else text[:TITLE_CHARS] + "…"
    return part("fact", kind="visually-hidden" if clear else "name", name=name, text=text)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def filter_fields(settings: Settings, schema: Schema) -> Schema:
    """Return the fields that the page filters by: those it shows, unless their name is one of its own."""
    shown = fields_shown(settings) or list(schema)
    usable = [
        name for name in shown if name in schema and name not in OWN and name == field_of(name)
    ]
    return {name: schema[name] for name in usable if schema[name].kind != "text"}


def rail(asked: PageState, fields: Schema, counts: Mapping[str, Sequence[FacetCount]]) -> Html:
    """Return the filters: chips for values that recur, ranges for numbers and dates; nothing without either."""
    telling = sorted(
        (name for name in counts if _recur(asked, name, counts[name])),
        key=lambda n: -_found(counts[n]),
    )
    groups = [_facet(asked, name, counts[name]) for name in telling]
    groups += [
        _range(asked, name, INPUTS[field.kind])
        for name, field in fields.items()
        if field.kind in INPUTS
    ]
    count = f" ({len(asked.filters)})" if asked.filters else ""
    return part("rail", groups=joined(groups), count=count) if groups else NOTHING


def _recur(asked: PageState, name: str, values: Sequence[FacetCount]) -> bool:
    """Tell whether it is worth while to filter by a field: its values are few and shared, or its first are frequent."""
    few = len(values) <= CHIPS and any(count.documents > 1 for count in values)
    return bool(asked.values(name)) or few or _found(values) >= 3 * CHIPS


def _found(values: Sequence[FacetCount]) -> int:
    return sum(count.documents for count in values[:CHIPS])


def _facet(asked: PageState, name: str, values: Sequence[FacetCount]) -> Html:
    chosen = asked.values(name)
    counts = dict.fromkeys(chosen, "") | {
        _text(count.value): f"{count.documents:,}" for count in values
    }
    chips = [
        part(
            "chip",
            id=f"{quote(name)}={quote(value)}",
            name=name,
            value=value,
            count=count,
            checked=flag("checked", value in chosen),
        )
        for value, count in counts.items()
    ]
    few, rest = chips[: max(CHIPS, len(chosen))], chips[max(CHIPS, len(chosen)) :]
    more = (
        part("more", id=f"more-{quote(name)}", count=len(rest), chips=joined(rest))
        if rest
        else NOTHING
    )
    return part("facet", name=name, chips=joined(few), more=more)


def _range(asked: PageState, name: str, kind: str) -> Html:
    low, high = (next(iter(asked.values(name + sign)), "") for sign in "><")
    return part("range", id=quote(name), name=name, type=kind, low=low, high=high)


def chosen(asked: PageState) -> Html:
    """Return the filters in force, each as a link that takes it away."""
    chips = []
    for at, (name, value) in enumerate(asked.filters):
        rest = asked.filters[:at] + asked.filters[at + 1 :]
        chips.append(
            part("chosen-chip", href=asked.link(filters=rest), text=_in_words(name, value))
        )
    return part("chosen", chips=joined(chips)) if chips else NOTHING


def _in_words(parameter: str, value: str) -> str:
    words = {">": "from ", "<": "to ", "!": "not "}
    sign = parameter[-1:]
    return f"{field_of(parameter)} {words[sign]}{value}" if sign in words else value
