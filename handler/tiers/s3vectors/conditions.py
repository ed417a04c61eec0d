"""Conditions on documents as metadata filters of S3 Vectors, and what they mean."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from handler.corpus.schema import Schema
from handler.errors import InvalidRequest
from handler.index.engine import Bounded, Pattern
from handler.index.text_writer import field_name

Filter = dict[str, Any]
MOST_CONSTRAINTS = 100
OPPOSITE = {"$eq": "$ne", "$gt": "$lte", "$gte": "$lt", "$lt": "$gte", "$lte": "$gt"}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
    "$startsWith": lambda value, text: str(value).startswith(text),
}


class VectorConditions:
    """Makes filters; the contracts of the methods are those of `Conditions`."""

    def __init__(self, schema: Schema) -> None:
        """Take the schema of the metadata."""
        self._schema = schema

    def everything(self) -> Filter:
        """Match all documents."""
        return {}

    def nothing(self) -> Filter:
        """Match no document."""
        return {"row": {"$lt": 0}}

    def all_of(self, parts: Sequence[Filter]) -> Filter:
        """Match what matches all `parts`."""
        return _joined("$and", [part for part in parts if part])

    def any_of(self, parts: Sequence[Filter]) -> Filter:
        """Match what matches one of `parts`."""
        return {} if {} in parts else _joined("$or", parts)

    def none_of(self, part: Filter) -> Filter:
        """Match what does not match `part`: the service has no $not, so it is pushed inwards."""
        return self._negated(part) if part else self.nothing()

    def equal(self, name: str, value: Any) -> Filter:
        """Match a value, alone or in a list."""
        return {self._column(name): {"$eq": value}}

    def bounded(self, name: str, operator: Bounded, value: float) -> Filter:
        """Match numbers and dates on one side of a value."""
        if self._schema[name].list:
            _refuse(f"{operator} on {name!r}, a list,")
        return {self._column(name): {operator: value}}

    def like(self, name: str, operator: Pattern, text: str) -> Filter:
        """Match strings that begin with a text."""
        if operator != "$startsWith" or self._schema[name].list:
            _refuse(f"{operator} on {name!r}")
        return {self._column(name): {operator: text}}

    def exists(self, name: str) -> Filter:
        """Match documents that have the field."""
        return {self._column(name): {"$exists": True}}

    def ids(self, ids: Sequence[str]) -> Filter:
        """Match documents by their ids."""
        return _joined("$or", [{"id": {"$eq": each}} for each in ids])

    def phrase(self, text: str) -> Filter | None:  # noqa: ARG002
        """Refuse: the service searches for words, and filters by metadata only."""
        _refuse("a phrase or an exclusion")

    def words_in(self, name: str, text: str) -> Filter | None:
        """Match an id; words in one field can't be asked for."""
        if name != "id":
            _refuse(f"words in {name!r}")
        return self.ids([text])

    def _negated(self, part: Filter) -> Filter:
        [(name, value)] = part.items()
        if name in ("$and", "$or"):
            return _joined("$or" if name == "$and" else "$and", [self._negated(v) for v in value])
        [(sign, operand)] = value.items()
        if sign == "$exists":
            return {name: {"$exists": not operand}}
        if sign == "$ne":
            return {name: {"$eq": operand}}
        if sign not in OPPOSITE:
            _refuse(f"the opposite of {sign}")
        return {"$or": [{name: {OPPOSITE[sign]: operand}}, {name: {"$exists": False}}]}

    def _column(self, name: str) -> str:
        return field_name(self._schema, name)


def checked(condition: Filter) -> Filter:
    """Return a filter, unless it has more constraints than the service takes.

    Raises:
        InvalidRequest: it has.
    """
    if constraints(condition) > MOST_CONSTRAINTS:
        raise InvalidRequest(
            f"the filter has more than {MOST_CONSTRAINTS} conditions when it is written as S3 "
            "Vectors takes it; use fewer"
        )
    return condition


def constraints(condition: Filter) -> int:
    """Return the number of comparisons in a filter."""
    parts = [value for name, value in condition.items() if name in ("$and", "$or")]
    if parts:
        return sum(constraints(each) for value in parts for each in value)
    return len(condition)


def holds(metadata: Mapping[str, Any], condition: Filter) -> bool:
    """Tell whether metadata match a filter; of a list, one value must."""
    for name, value in condition.items():
        if name in ("$and", "$or"):
            whole = all if name == "$and" else any
            if not whole(holds(metadata, each) for each in value):
                return False
            continue
        [(sign, operand)] = value.items()
        found = metadata.get(name)
        values = found if isinstance(found, list) else [] if found is None else [found]
        if sign == "$exists":
            matches = bool(values) is operand
        elif sign == "$ne":
            matches = bool(values) and operand not in values
        else:
            matches = any(COMPARE[sign](each, operand) for each in values)
        if not matches:
            return False
    return True


def _joined(sign: str, parts: Sequence[Filter]) -> Filter:
    if len(parts) < 2:
        return parts[0] if parts else {}
    return {sign: list(parts)}


def _refuse(what: str) -> NoReturn:
    raise InvalidRequest(
        f"{what} can't be asked of an index that S3 Vectors serves; leave it out of the query"
    )
