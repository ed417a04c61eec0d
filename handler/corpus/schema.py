"""Metadata of a corpus: field names and types, inferred at index time and recorded in the manifest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from handler.corpus.document import Value
from handler.stored_json import Count

FieldKind = Literal["integer", "float", "boolean", "date", "string", "text"]
KINDS: tuple[str, ...] = get_args(FieldKind)

# Longer texts are searched by their words; nobody filters by the whole of them.
MAX_STRING_CHARS = 256
# Each field is a column of the text index, which takes memory and time even where it is empty.
MAX_FIELDS = 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)


@dataclass(frozen=True, slots=True)
class Field:
    """Type of one metadata field, whether some document has a list of values, and how many documents have it."""

    kind: FieldKind
    list: bool
    documents: Count


Schema = dict[str, Field]


def observe(schema: Schema, metadata: Mapping[str, Value], most: int = MAX_FIELDS) -> None:
    """Widen `schema`, in place, so that it fits the metadata of one more document.

    New fields are left out once it has `most`: they are stored and shown, but not filtered by.
    """
    for name, value in metadata.items():
        values = value if isinstance(value, list) else [value]
        if not values or (name not in schema and len(schema) >= most):
            continue
        field = schema.get(name) or Field(_kind(values[0]), False, 0)
        for item in values:
            field = replace(field, kind=_widen(field.kind, _kind(item)))
        schema[name] = replace(
            field, list=field.list or isinstance(value, list), documents=field.documents + 1
        )


def parse_date(text: str) -> datetime:
    """Read an ISO 8601 date, with or without a time; UTC unless it names a zone.

    Raises:
        ValueError: it is none.
    """
    date = datetime.fromisoformat(text)
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


def date_number(text: str) -> int:
    """Return the microseconds from 1970 to an ISO 8601 date: a number that sorts alike, in any year.

    Raises:
        ValueError: it is none.
    """
    return (parse_date(text) - EPOCH) // timedelta(microseconds=1)


def date_text(number: int) -> str:
    """Return the ISO 8601 date, with its time unless that is midnight, for the microseconds since 1970."""
    date = EPOCH + timedelta(microseconds=number)
    return date.isoformat().replace("+00:00", "Z").removesuffix("T00:00:00Z")


def _kind(value: object) -> FieldKind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "float"
    text = str(value)
    if len(text) > MAX_STRING_CHARS:
        return "text"
    return "date" if is_date(text) else "string"


def is_date(text: str) -> bool:
    """Tell whether a text is an ISO 8601 date as filters read it, with or without a time."""
    if not DATE.fullmatch(text):
        return False
    try:
        return parse_date(text).year >= 1
    except (ValueError, OverflowError):
        return False


def _widen(one: FieldKind, other: FieldKind) -> FieldKind:
    if one == other:
        return one
    if {one, other} == {"integer", "float"}:
        return "float"
    return "text" if "text" in (one, other) else "string"
