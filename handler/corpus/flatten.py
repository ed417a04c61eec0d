"""Whatever a record holds, as flat fields of plain values; what can't be kept is counted."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from handler.corpus.document import Value
from handler.corpus.html_text import clean_html
from handler.corpus.places import of_geojson, of_text

MAX_DEPTH = 8
PLACE_STARTS = "+-0123456789"
MAX_NAME_CHARS = 200
INT64 = range(-(2**63), 2**63)
SURROGATE = re.compile("[\ud800-\udfff]")
# The key whose value stands for an object in a list, the first of these that it has.
NAMING = ("name", "title", "label", "text", "value", "term", "tag", "word", "#text", "id")
# How MongoDB writes what JSON has no type for.
WRAPPED = {"$oid", "$date", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal"}
NAMING_KEYS = frozenset(NAMING)
MAX_NAMES = 1000
"""Names that are kept for the next record; with more of them, keys are ids."""
TEXTS = {str}
NUMBERS = {int, float}

# Called with the name of a field that can't be kept, and the reason.
Dropped = Callable[[str, str], None]


def flatten(
    record: Mapping[Any, Any], dropped: Dropped, *, markup: bool = True
) -> dict[str, Value]:
    """Return the fields of a record that have a value, in order.

    A nested object becomes fields such as `loc.lat`, a list of objects the list of their texts. Null,
    NaN, infinity and blank texts are missing. HTML becomes text, unless `markup` says that there is none. Integers beyond 64 bits become text.
    """
    flat: dict[str, Value] = {}
    if not markup:
        texts = {name: value for name, value in record.items() if type(value) is str}
        record = {name: value for name, value in record.items() if name not in texts}
        flat |= {name: text for name, value in texts.items() if (text := _mended(value).strip())}
    _add_fields(flat, "", record, dropped, 0)
    return flat


def as_text(value: Value | None, separator: str = " ") -> str:
    """Return a value as text; lists are joined by `separator`."""
    if value is None:
        return ""
    if isinstance(value, list):
        return separator.join(str(item) for item in value)
    return value if isinstance(value, str) else _scalar_text(value)


def clean_text(text: str) -> str:
    """Return a text without markup, outer blanks, and halves of surrogate pairs."""
    if not text.isascii():
        text = _mended(text)
    if "<" in text or "&" in text:
        text = clean_html(text)
    return text.strip()


def _mended(text: str) -> str:
    """Return a text without halves of surrogate pairs."""
    if text.isascii() or not SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _scalar_text(value: float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _add_fields(
    flat: dict[str, Value], prefix: str, fields: Mapping[Any, Any], dropped: Dropped, depth: int
) -> None:
    names = _names(prefix)
    for key, value in fields.items():
        name = names[key]
        kind = type(value)
        if kind is str:
            plain = value.isascii() and "<" not in value and "&" not in value
            if text := value.strip() if plain else clean_text(value):
                flat[name] = text
                if text[0] in PLACE_STARTS and (place := of_text(name, text)):
                    flat[f"{name}.lat"], flat[f"{name}.lon"] = place
        elif kind is list:
            if value:
                _add_list(flat, name, value, dropped)
        elif kind is bool:
            flat[name] = value
        elif kind is int:
            flat[name] = value if value in INT64 else str(value)
        elif isinstance(value, Mapping):
            if len(value) == 1 and not WRAPPED.isdisjoint(value):
                _add_fields(flat, prefix, {key: next(iter(value.values()))}, dropped, depth + 1)
            elif depth == MAX_DEPTH:
                dropped(name, f"nested more than {MAX_DEPTH} deep")
            elif place := of_geojson(value):
                flat[f"{name}.lat"], flat[f"{name}.lon"] = place
            else:
                _add_fields(flat, f"{name}.", value, dropped, depth + 1)
        elif value is not None:
            _add_other(flat, name, value, dropped)


def _add_other(flat: dict[str, Value], name: str, value: Any, dropped: Dropped) -> None:
    if isinstance(value, tuple | set | frozenset):
        _add_list(flat, name, list(value), dropped)
        return
    plain = _plain(value)
    if plain is None and not _is_missing(value):
        dropped(name, f"{_called(value)} is no text, number, date, or list of them")
    elif plain is not None and plain != "":
        flat[name] = plain


def _add_list(flat: dict[str, Value], name: str, items: Sequence[Any], dropped: Dropped) -> None:
    kept: list[Any] = []
    for item in items:
        kind = type(item)
        if kind is str:
            plain: Any = clean_text(item)
        else:
            plain = _object_text(item) if kind is dict else _plain(item)
        if plain:
            kept.append(plain)
        elif plain is not None:
            if plain != "":
                kept.append(plain)
        elif kind is not dict and not _is_missing(item):
            dropped(name, f"a list that holds {_called(item)}")
            return
    if kept:
        kinds = set(map(type, kept))
        alike = kinds == TEXTS or kinds <= NUMBERS
        flat[name] = kept if alike else [as_text(item) for item in kept]


def _object_text(item: Mapping[Any, Any]) -> str | None:
    """Return what names an object of a list: the value of its naming key, or its first text."""
    if not NAMING_KEYS.isdisjoint(item):
        for key in NAMING:
            value = item.get(key)
            if value and isinstance(value, str | int):
                return clean_text(value) if type(value) is str else as_text(_plain(value))
    for value in item.values():
        text = clean_text(value) if type(value) is str else _plain(value)
        if text and isinstance(text, str):
            return text
    return None


def _plain(value: Any) -> str | int | float | bool | None:
    """Return a value as one that JSON knows, or None if it is missing or can't be kept."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if value in INT64 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else None


def _decimal(value: Decimal) -> int | float | None:
    if not value.is_finite():
        return None
    whole = value == value.to_integral_value() and value.as_tuple().exponent == 0
    return int(value) if whole and int(value) in INT64 else float(value)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | Decimal) and not math.isfinite(value))


def _called(value: Any) -> str:
    names = {"list": "a list", "dict": "an object", "bytes": "binary data"}
    return names.get(type(value).__name__, type(value).__name__)


class _Names(dict[Any, str]):
    """The names of the fields of an object by their keys, made once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __missing__(self, key: Any) -> str:
        name = f"{self._prefix}{key}".strip()
        if SURROGATE.search(name):
            name = clean_text(name)
        name = name[:MAX_NAME_CHARS] or "?"
        if len(self) < MAX_NAMES:
            self[key] = name
        return name


@lru_cache(maxsize=200)
def _names(prefix: str) -> _Names:
    return _Names(prefix)
