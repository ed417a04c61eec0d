"""Metadata of documents on the search page: which fields are shown, and how."""

from collections.abc import Sequence
from statistics import median

import numpy as np

from handler.corpus.document import Document, Value
from handler.corpus.schema import Field, Schema
from handler.index.engine import Engine
from handler.markup import NOTHING, Html, fill, joined
from handler.page.links import host_of
from handler.page.page_state import PageState
from handler.page.templates import part
from handler.settings import Settings

# Longer values are cut.
VALUE_CHARS = 90
# Which fields tell a reader something is found out from so many documents side by side, at so many
# places, if so many of them have the field.
SAMPLES, SAMPLE = 10, 10
FEWEST = 10
# Of values that nearly all differ, texts are names such as authors, or else keys such as ISBNs.
NEARLY_ALL = 0.9
NAME_CHARS, NAME_WORDS = 40, 5
# Whole numbers may be years, which differ in a small corpus.
FEWEST_NUMBERS, ALL_NUMBERS = 50, 0.98


def facts(asked: PageState, document: Document, names: Sequence[str], filters: Schema) -> Html:
    """Return the metadata of a document, and a link to it on the web.

    Args:
        asked: the state of the page.
        document: whose metadata.
        names: the fields to show, in this order.
        filters: the fields that the page filters by; their texts link to what shares them.
    """
    items = [
        _fact(asked, name, document.metadata[name], filters.get(name))
        for name in names
        if document.metadata.get(name) not in (None, "", [])
    ]
    if host := host_of(document.url):
        items.append(part("site", href=document.url, host=host))
    return part("facts", facts=joined(items)) if items else NOTHING


def fields_shown(settings: Settings) -> list[str]:
    """Return the names of the metadata fields that the settings choose; empty means all."""
    return [name.strip() for name in settings.page_fields.split(",") if name.strip()]


def telling_fields(index: Engine) -> tuple[str, ...]:
    """Return the fields of an index that tell a reader something.

    Others have long texts, addresses, or a value of its own for each document, such as an ISBN.
    They are judged by some documents from all over the index.
    """
    step = max(SAMPLE, index.manifest.documents // SAMPLES)
    places = [index.rows_after(at * step - 1, None, SAMPLE) for at in range(SAMPLES)]
    rows = np.unique(np.concatenate(places))
    found: dict[str, list[Value]] = {}
    for document in index.documents_at(rows):
        for name, value in document.metadata.items():
            found.setdefault(name, []).append(value)
    rare = [name for name in index.manifest.schema if name not in found]
    return (*(name for name, values in found.items() if _tells(values)), *rare)


def _tells(values: Sequence[Value]) -> bool:
    """Tell whether the values of a field are worth reading."""
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    texts = [item for item in flat if isinstance(item, str)]
    if not flat or median(len(str(item)) for item in flat) > VALUE_CHARS:
        return False
    differ = len(set(flat)) / len(flat)
    if len(texts) < len(flat):
        whole = all(isinstance(item, int) for item in flat)
        return not whole or len(flat) < FEWEST_NUMBERS or differ < ALL_NUMBERS
    if sum(bool(host_of(text)) for text in texts) > len(texts) / 2:
        return False
    names = sum(map(_is_name, texts)) > len(texts) / 2
    return names or len(values) < FEWEST or differ < NEARLY_ALL


def _is_name(text: str) -> bool:
    """Tell whether a text looks like the name of somebody or something."""
    words = text.split()
    letters = "".join(character for character in text if character not in " .,'’-&")
    return letters.isalpha() and 1 < len(words) <= NAME_WORDS and len(text) <= NAME_CHARS


def _fact(asked: PageState, name: str, value: Value, field: Field | None) -> Html:
    """Return a value, with its field's name visible where the value alone says little."""
    links = field is not None and field.kind == "string"
    items, length = [], 0
    for item in value if isinstance(value, list) else [value]:
        if length > VALUE_CHARS:
            items.append(Html("…"))
            break
        items.append(_item(asked if links else None, name, item))
        length += len(shown(item)) + 2
    clear = isinstance(value, str | list) or "year" in name.lower()
    return part(
        "fact",
        kind="visually-hidden" if clear else "name",
        name=name,
        items=Html(", ".join(items)),
    )


def _item(asked: PageState | None, name: str, value: object) -> Html:
    """Return a value, with a link to what shares it if the state of the page is given."""
    text = shown(value)
    cut = text if len(text) <= VALUE_CHARS else text[:VALUE_CHARS] + "…"
    if asked is None or not text.strip():
        return fill("<bdi>$text</bdi>", text=cut)
    href = asked.anew(filters=((name, text),))
    return Html(part("filter-link", href=href, text=cut).strip())


def shown(value: object) -> str:
    """Return a value as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
