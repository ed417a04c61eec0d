"""Facets: how often each value of a metadata field occurs, and the spread of its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handler.corpus.schema import date_text
from handler.errors import InvalidRequest
from handler.index.engine import Condition, Engine, FacetCount

HISTOGRAM_BINS = 20
CHOICES = ("$eq", "$in")


@dataclass(frozen=True, slots=True)
class Bin:
    """The number of documents whose value is at least `start` and less than `end`."""

    start: float | str
    end: float | str
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Least, greatest and mean value of a field of numbers or dates, and a histogram."""

    least: float | str
    greatest: float | str
    mean: float | str
    histogram: list[Bin]


def usable_field(index: Engine, name: str, purpose: str) -> None:
    """Check that a metadata field exists and is no long text.

    Raises:
        InvalidRequest: there is no such field, or it can't be `purpose`, such as "counted".
    """
    schema = index.manifest.schema
    if name not in schema or schema[name].kind == "text":
        known = ", ".join(field for field, entry in schema.items() if entry.kind != "text")
        raise InvalidRequest(f"{name!r} can't be {purpose}; fields that can: {known or 'none'}")


def without_choices(condition: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    """Return a filter without the values that it chooses of the field `name`.

    Only values that every hit must have are left out: a facet then counts what choosing another
    value of the field would add. The same filter is returned if it chooses none.
    """
    if not condition:
        return condition
    kept: dict[str, Any] = {}
    for key, value in condition.items():
        if key == name and _is_choice(value):
            continue
        if key == "$and" and isinstance(value, list):
            parts = [without_choices(p, name) if isinstance(p, Mapping) else p for p in value]
            if parts := [part for part in parts if part != {}]:
                kept[key] = parts
            continue
        kept[key] = value
    return condition if kept == condition else kept


def _is_choice(value: object) -> bool:
    return not isinstance(value, Mapping) or set(value) <= set(CHOICES)


def count_values(
    index: Engine, name: str, matched: Condition, limit: int, containing: str = ""
) -> list[FacetCount]:
    """Return the most frequent values of a field in the documents that match.

    Args:
        index: the version to count in.
        name: a metadata field.
        matched: what the documents match.
        limit: number of values.
        containing: text that the values must contain, in upper or lower case.

    Raises:
        InvalidRequest: the field can't be counted.
    """
    usable_field(index, name, "counted")
    kind = index.manifest.schema[name].kind
    # Values of other types can't be chosen inside the text index.
    inside = containing if kind == "string" else ""
    found = index.facet(matched, name, limit, inside)
    if containing and kind != "string":
        return [each for each in found if containing.lower() in str(each.value).lower()]
    return found


def spread(index: Engine, name: str, matched: Condition) -> Spread | None:
    """Return the spread of a field of numbers or dates, or None for other fields or no value."""
    kind = index.manifest.schema[name].kind
    if kind not in ("integer", "float", "date"):
        return None
    found = index.spread(matched, name, HISTOGRAM_BINS, whole=kind != "float")
    if not found:
        return None
    least, greatest, mean, bins = found

    def shown(number: float) -> float | str:
        if kind == "date":
            return date_text(int(number))
        return int(number) if kind == "integer" else number

    return Spread(
        least=shown(least),
        greatest=shown(greatest),
        mean=date_text(int(mean)) if kind == "date" else round(mean, 6),
        histogram=[Bin(shown(start), shown(end), count) for start, end, count in bins],
    )
