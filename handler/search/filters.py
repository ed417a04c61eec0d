"""Filters in the JSON syntax of Amazon S3 Vectors and MongoDB, as conditions of an engine."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from handler.corpus.schema import Field, Schema, date_number
from handler.errors import InvalidRequest
from handler.index.engine import Bounded, Condition, Conditions, Engine, Pattern
from handler.search.places import (
    MOST_METRES,
    Box,
    Place,
    PlaceField,
    distances,
    known_place,
    read_box,
    read_circle,
    strips,
)

MAX_DEPTH = 8
MAX_CONDITIONS = 100
# A pattern costs milliseconds to prepare.
MAX_PATTERNS = 8
MAX_PATTERN_CHARS = 64

# What the index can hold.
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
MAX_FLOAT = 1.7e308

PLACES = {"$near", "$box"}
RANGES: tuple[Bounded, ...] = ("$gt", "$gte", "$lt", "$lte")


class FilterCompiler:
    """Checks filters on the metadata of one index version, and turns them into conditions."""

    def __init__(self, schema: Schema, conditions: Conditions, index: Engine | None = None) -> None:
        """Take the schema of the metadata, and what makes the engine's conditions.

        Circles need the `index` too: of documents at their edge, the distance is measured.
        """
        self._schema = schema
        self._index = index
        self._make = conditions
        self._conditions = 0
        self._patterns = 0

    def compile(self, condition: object, depth: int = 0) -> Condition:
        """Return the condition for a filter such as `{"year": {"$gte": 1990}, "genre": "gothic"}`.

        `$ne` and `$nin` also match documents without the field, as in MongoDB. A list of values
        matches if one of them does.

        Raises:
            InvalidRequest: an unknown field or operator, a value of the wrong type, or a filter
                that is too large.
        """
        if not isinstance(condition, Mapping) or not condition:
            raise InvalidRequest(
                f"a filter is an object such as {{'year': {{'$gte': 1990}}}}, not {condition!r}"
            )
        if depth > MAX_DEPTH:
            raise InvalidRequest(f"the filter is nested more than {MAX_DEPTH} deep; flatten it")
        entries = [self._entry(name, value, depth) for name, value in condition.items()]
        return self._make.all_of(entries)

    def _entry(self, name: str, value: object, depth: int) -> Condition:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise InvalidRequest(
                f"the filter has more than {MAX_CONDITIONS} conditions; use $in for many values"
            )
        if name in ("$and", "$or"):
            return self._combined(name, value, depth)
        if name == "$not":
            return self._make.none_of(self.compile(value, depth + 1))
        if name.startswith("$"):
            raise InvalidRequest(f"{name} is no operator that joins filters; use $and, $or or $not")
        if isinstance(value, Mapping) and not PLACES.isdisjoint(value):
            return self._make.all_of(
                [self._placed(name, operator, each) for operator, each in value.items()]
            )
        field = self._field(name)
        if not isinstance(value, Mapping):
            return self._operator(name, field, "$eq", value)
        if not value:
            raise InvalidRequest(
                f"the filter on {name!r} has no operator; use one of {', '.join(self._operators())}"
            )
        return self._make.all_of(
            [self._operator(name, field, operator, each) for operator, each in value.items()]
        )

    def _combined(self, operator: str, value: object, depth: int) -> Condition:
        if not isinstance(value, Sequence) or isinstance(value, str) or not value:
            raise InvalidRequest(f"{operator} takes a list of filters, not {value!r}")
        parts = [self.compile(item, depth + 1) for item in value]
        return self._make.all_of(parts) if operator == "$and" else self._make.any_of(parts)

    def _placed(self, name: str, operator: str, value: object) -> Condition:
        if operator not in PLACES:
            raise InvalidRequest(
                f"{operator} on {name!r} stands beside {' or '.join(sorted(PLACES))}; join them with $and"
            )
        field = known_place(self._schema, name)
        if operator == "$near":
            return self.circle(field, *read_circle(name, value))
        return self._boxes(field, read_box(name, value))

    def circle(self, field: PlaceField, centre: Place, radius: float) -> Condition:
        """Return the condition for places at most `radius` metres from the centre."""
        if radius > MOST_METRES / 2:  # all but a smaller circle on the other side
            anywhere = self._exists(field.latitude, self._schema[field.latitude], True)
            beyond = self.circle(field, centre.opposite(), max(MOST_METRES - radius, 0.0))
            return self._make.all_of([anywhere, self._make.none_of(beyond)])
        outer, inner = strips(centre, radius)
        covering, inside = self._boxes(field, outer), self._boxes(field, inner)
        if self._index is None:
            return covering
        edge = self._make.all_of([covering, self._make.none_of(inside)])
        rows = self._index.rows_matching(edge, max(1, self._index.count(edge)))
        near = rows[distances(self._index, field, rows, centre) <= radius]
        return self._make.any_of([inside, self._index.matched(None, near, None)])

    def _boxes(self, field: PlaceField, boxes: Sequence[Box]) -> Condition:
        if not boxes:
            return self._make.nothing()
        parts = []
        for south, north, west, east in boxes:
            sides = [(field.latitude, south, north), (field.longitude, west, east)]
            bounds = []
            for name, least, most in sides:
                bounds.append(self._range(name, self._schema[name], "$gte", least))
                bounds.append(self._range(name, self._schema[name], "$lte", most))
            parts.append(self._make.all_of(bounds))
        return self._make.any_of(parts)

    def _field(self, name: str) -> Field:
        field = self._schema.get(name)
        if field is None:
            raise InvalidRequest(f"{name!r} is no field of this index; {self._known()}")
        if field.kind == "text":
            raise InvalidRequest(
                f"{name!r} is long text, which can be searched but not filtered; {self._known()}"
            )
        return field

    def _operators(self) -> dict[str, Callable[[str, Field, Any], Condition]]:
        return {
            "$eq": self._equal,
            "$ne": lambda *given: self._make.none_of(self._equal(*given)),
            "$in": self._in,
            "$nin": lambda *given: self._make.none_of(self._in(*given)),
            "$exists": self._exists,
            "$startsWith": lambda *given: self._pattern("$startsWith", *given),
            "$contains": self._contains,
            "$ieq": lambda *given: self._pattern("$ieq", *given),
            "$not": lambda name, _, value: self._make.none_of(self._entry(name, value, MAX_DEPTH)),
        }

    def _operator(self, name: str, field: Field, operator: str, operand: Any) -> Condition:
        if operator in RANGES:
            return self._range(name, field, operator, operand)
        try:
            build = self._operators()[operator]
        except KeyError:
            known = ", ".join([*self._operators(), *RANGES])
            raise InvalidRequest(
                f"{operator!r} on {name!r} is no operator; use one of {known}"
            ) from None
        return build(name, field, operand)

    def _equal(self, name: str, field: Field, value: object) -> Condition:
        return self._make.equal(name, self._value(name, field, value))

    def _in(self, name: str, field: Field, values: object) -> Condition:
        if not isinstance(values, Sequence) or isinstance(values, str) or not values:
            raise InvalidRequest(f"$in and $nin on {name!r} take a list of values, not {values!r}")
        if len(values) > MAX_CONDITIONS:
            raise InvalidRequest(
                f"$in on {name!r} has {len(values)} values, {MAX_CONDITIONS} at most"
            )
        return self._make.any_of([self._equal(name, field, value) for value in values])

    def _contains(self, name: str, field: Field, value: object) -> Condition:
        """Match lists that have a value, and texts that contain one."""
        if field.list or field.kind != "string":
            return self._equal(name, field, value)
        return self._pattern("$contains", name, field, value)

    def _pattern(self, operator: Pattern, name: str, field: Field, value: object) -> Condition:
        if field.kind != "string" or not isinstance(value, str) or not value:
            raise InvalidRequest(
                f"{operator} on {name!r} compares texts; {name!r} is of type {field.kind}, "
                f"and the value {value!r}"
            )
        if len(value) > MAX_PATTERN_CHARS:
            raise InvalidRequest(
                f"{operator} on {name!r} has {len(value)} characters, {MAX_PATTERN_CHARS} at most"
            )
        self._patterns += 1
        if self._patterns > MAX_PATTERNS:
            raise InvalidRequest(
                f"the filter has more than {MAX_PATTERNS} of $startsWith, $contains and $ieq"
            )
        return self._make.like(name, operator, value)

    def _exists(self, name: str, _field: Field, value: object) -> Condition:
        if not isinstance(value, bool):
            raise InvalidRequest(f"$exists on {name!r} takes true or false, not {value!r}")
        condition = self._make.exists(name)
        return condition if value else self._make.none_of(condition)

    def _range(self, name: str, field: Field, operator: Bounded, value: object) -> Condition:
        if field.kind in ("string", "boolean"):
            raise InvalidRequest(
                f"{operator} compares numbers and dates; {name!r} is of type {field.kind}"
            )
        if field.kind == "integer" and _is_number(value):
            value = _whole(value, operator)
            if not MIN_INTEGER <= value <= MAX_INTEGER:
                all_match = (operator in ("$gt", "$gte")) == (value < MIN_INTEGER)
                return self._make.exists(name) if all_match else self._make.nothing()
        return self._make.bounded(name, operator, self._value(name, field, value))

    def _value(self, name: str, field: Field, value: Any) -> Any:
        """Return `value` as the type of its field, or raise InvalidRequest."""
        number = _is_number(value)
        fits = number and value == value // 1 and MIN_INTEGER <= value <= MAX_INTEGER
        if field.kind == "integer" and fits:
            return int(value)
        if field.kind == "float" and number and abs(value) <= MAX_FLOAT:
            return float(value) or 0.0  # as in the index
        if field.kind == "boolean" and isinstance(value, bool):
            return value
        if field.kind == "string" and isinstance(value, str):
            return value
        if field.kind == "date" and isinstance(value, str):
            try:
                return date_number(value)
            except (ValueError, OverflowError):
                pass
        example = " such as 2019-12-31" if field.kind == "date" else ""
        raise InvalidRequest(
            f"{name!r} is of type {field.kind}{example}, {value!r} is not; {self._known()}"
        )

    def _known(self) -> str:
        fields = ", ".join(
            f"{name} ({field.kind})" for name, field in self._schema.items() if field.kind != "text"
        )
        return f"fields to filter by: {fields or 'none'}"


def _is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether `value` is a finite number."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(value: float, operator: str) -> int:
    """Return the whole number that bounds the same whole numbers as `value` does."""
    return math.floor(value) if operator in ("$gt", "$lte") else math.ceil(value)
