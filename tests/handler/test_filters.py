"""Filters: each operator against a plain predicate in Python, and what is refused."""

import operator
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from handler.corpus.document import Document
from handler.corpus.schema import Schema, parse_date
from handler.errors import InvalidRequest
from handler.index.text_conditions import TextConditions
from handler.index.text_index import TextIndex
from handler.index.text_writer import TextWriter
from handler.search.filters import MAX_CONDITIONS, MAX_DEPTH, FilterCompiler
from tests.handler.indexes import document, schema_of

DAYS = [
    "0001-01-01",
    "1605-01-16",
    "2019-12-31",
    "2020-01-01T00:00:00.5Z",
    "2020-01-01T01:00+01:00",
    "9999-12-31",
]
VALUES: dict[str, list[Any]] = {
    "year": [-5, 0, 1989, 1990, 1991, 2**53 + 1, 2**63 - 1, -(2**63)],
    "price": [-0.0, 0, 0.5, 7, 7.25, -1e300, 1e-300],
    "ok": [True, False],
    "day": DAYS,
    "genre": ["gothic", "Gothic", "", "mystery novel", "東京", "é", "1990"],
    "tags": [["a"], ["b"], ["a", "b"], ["a", "c d", "b"], [], "b"],
    "days": [[DAYS[1]], [DAYS[2], DAYS[5]], [DAYS[0], DAYS[3]]],
}
SORTED_FIELDS = ("year", "price", "day", "days")
# Bounds that no year has, some of them beyond what the index can hold.
BOUNDS = [1989.5, 1990.0, -0.5, 2**63, -(2**63) - 1, 1e30, -1e30, 1e308, -(10**309)]


def random_document(rng: random.Random, number: int) -> Document:
    metadata = {name: rng.choice(values) for name, values in VALUES.items() if rng.random() < 0.8}
    return document(number, "text", **metadata, long="x" * 300)


def random_operand(rng: random.Random, name: str) -> Any:
    value = rng.choice(VALUES[name])
    while isinstance(value, list):
        value = rng.choice(value) if value else rng.choice(VALUES[name])
    return value


def random_filter(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    if depth < 3 and rng.random() < 0.4:
        joint = rng.choice(["$and", "$or", "$not"])
        if joint == "$not":
            return {"$not": random_filter(rng, depth + 1)}
        return {joint: [random_filter(rng, depth + 1) for _ in range(rng.randint(1, 3))]}
    names = rng.sample(list(VALUES), rng.randint(1, 2))
    return {
        name: random_operand(rng, name) if rng.random() < 0.2 else random_condition(rng, name)
        for name in names
    }


def random_condition(rng: random.Random, name: str, nested: bool = False) -> dict[str, Any]:
    operators = ["$eq", "$ne", "$in", "$nin", "$exists", *([] if nested else ["$not"])]
    operators += ["$gt", "$gte", "$lt", "$lte"] * (name in SORTED_FIELDS)
    condition: dict[str, Any] = {}
    for sign in rng.sample(operators, rng.randint(1, 2)):
        if sign == "$exists":
            condition[sign] = rng.random() < 0.5
        elif sign in ("$in", "$nin"):
            condition[sign] = [random_operand(rng, name) for _ in range(rng.randint(1, 3))]
        elif sign == "$not":
            condition[sign] = random_condition(rng, name, nested=True)
        else:
            condition[sign] = random_operand(rng, name)
            if name == "year" and sign[1] in "gl" and rng.random() < 0.3:
                condition[sign] = rng.choice(BOUNDS)
    return condition


def passes(metadata: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    """Tell whether a document matches a filter by MongoDB's rules; [] counts as no value."""
    for name, operand in condition.items():
        if name == "$and":
            result = all(passes(metadata, part) for part in operand)
        elif name == "$or":
            result = any(passes(metadata, part) for part in operand)
        elif name == "$not":
            result = not passes(metadata, operand)
        else:
            value = metadata.get(name, [])
            values = value if isinstance(value, list) else [value]
            operators = operand if isinstance(operand, Mapping) else {"$eq": operand}
            result = all(
                holds([comparable(name, v) for v in values], name, *item)
                for item in operators.items()
            )
        if not result:
            return False
    return True


def comparable(name: str, value: Any) -> Any:
    return parse_date(value) if name in ("day", "days") else value


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def holds(values: list[Any], name: str, sign: str, operand: Any) -> bool:
    if sign == "$exists":
        return bool(values) is operand
    if sign in ("$in", "$nin"):
        return any(value == comparable(name, item) for value in values for item in operand) == (
            sign == "$in"
        )
    if sign == "$not":
        return not all(holds(values, name, *item) for item in operand.items())
    if sign == "$ne":
        return not holds(values, name, "$eq", operand)
    return any(bool(COMPARE[sign](value, comparable(name, operand))) for value in values)


def write(folder: Path, documents: list[Document]) -> tuple[TextIndex, Schema]:
    schema = schema_of(documents)
    writer = TextWriter(folder / "text", schema, "english")
    for each in documents:
        writer.add(each)
    writer.close()
    return TextIndex.open(folder / "text", "english"), schema


DOCUMENTS = [random_document(random.Random(n), n) for n in range(400)]

Rows = Callable[[object], list[int]]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Return a function from a filter to the rows that pass it."""
    index, schema = write(tmp_path_factory.mktemp("filters"), DOCUMENTS)
    assert [field.kind for field in schema.values()].count("date") == 2

    def passing(condition: object) -> list[int]:
        query = FilterCompiler(schema, TextConditions(schema, index)).compile(condition)
        found = index.rows(query, 1000).tolist()
        assert index.count(query) == len(found)
        return list(found)

    return passing


def expected(condition: Mapping[str, Any]) -> list[int]:
    return [row for row, each in enumerate(DOCUMENTS) if passes(each.metadata, condition)]


def test_random_filters(rows: Rows) -> None:
    rng = random.Random(1)
    sizes = set()
    for _ in range(600):
        condition = random_filter(rng)
        found = expected(condition)
        assert rows(condition) == found, condition
        sizes.add(len(found))
    assert len(sizes) > 100


def test_every_operator_with_every_value(rows: Rows) -> None:
    for name, values in VALUES.items():
        for value in values:
            if isinstance(value, list):
                continue
            for sign in (
                "$eq",
                "$ne",
                *(["$gt", "$gte", "$lt", "$lte"] if name in SORTED_FIELDS else []),
            ):
                condition = {name: {sign: value}}
                assert rows(condition) == expected(condition), condition
            assert (
                rows({name: value})
                == rows({name: {"$eq": value}})
                == rows({name: {"$in": [value]}})
            )


@pytest.mark.parametrize(
    ("condition", "same"),
    [
        ({"year": {"$gt": 1990.5}}, {"year": {"$gte": 1991}}),
        ({"year": {"$gte": 1990.5}}, {"year": {"$gte": 1991}}),
        ({"year": {"$lt": 1990.5}}, {"year": {"$lte": 1990}}),
        ({"year": {"$lte": 1990.5}}, {"year": {"$lte": 1990}}),
        ({"year": {"$gt": -0.5}}, {"year": {"$gte": 0}}),
        ({"year": 1990.0}, {"year": 1990}),
        ({"year": {"$lt": 1e308}}, {"year": {"$exists": True}}),
        ({"year": {"$gt": 10**400}}, {"$and": [{"year": 1}, {"year": 2}]}),
        ({"year": {"$gte": -(2**63)}}, {"year": {"$exists": True}}),
        ({"price": {"$gte": 7}}, {"price": {"$gte": 7.0}}),
        ({"day": {"$gte": "2020"}}, None),
        ({"day": {"$gte": "2020-01-01"}}, {"day": {"$gte": "2020-01-01T00:00:00Z"}}),
        ({"day": "2020-01-01T01:00+01:00"}, {"day": "2020-01-01"}),
        ({"genre": "gothic", "ok": True}, {"$and": [{"genre": "gothic"}, {"ok": True}]}),
        (
            {"year": {"$gt": 0, "$lt": 2000}},
            {"$and": [{"year": {"$gt": 0}}, {"year": {"$lt": 2000}}]},
        ),
        ({"year": {"$not": {"$gt": 1989}}}, {"$not": {"year": {"$gt": 1989}}}),
        ({"tags": {"$not": {"$in": ["a"]}}}, {"tags": {"$nin": ["a"]}}),
        ({"tags": {"$not": {"$not": {"$eq": "a"}}}}, {"tags": "a"}),
    ],
)
def test_filters_that_mean_the_same(
    rows: Rows, condition: dict[str, Any], same: dict[str, Any] | None
) -> None:
    if same is None:
        with pytest.raises(InvalidRequest, match="such as 2019-12-31"):
            rows(condition)
    else:
        assert rows(condition) == rows(same)


KNOWN = "fields to filter by: "
NAN = float("nan")
MISUSED: list[tuple[object, str]] = [
    ({"colour": "red"}, "'colour' is no field of this index; " + KNOWN),
    ({"": 1}, "'' is no field of this index"),
    ({"m0": 1}, "'m0' is no field of this index"),
    ({"long": "x"}, "'long' is long text, which can be searched but not filtered; " + KNOWN),
    ({"long": {"$exists": True}}, "'long' is long text"),
    ([], "a filter is an object such as"),
    ({}, "a filter is an object such as"),
    ("year", "a filter is an object such as"),
    (None, "a filter is an object such as"),
    ({"year": {}}, "the filter on 'year' has no operator; use one of $eq"),
    ({"year": {"$like": 5}}, "'$like' on 'year' is no operator; use one of $eq"),
    ({"year": {"gt": 5}}, "'gt' on 'year' is no operator"),
    ({"year": {"$and": []}}, "'$and' on 'year' is no operator"),
    ({"$gt": 5}, "$gt is no operator that joins filters; use $and, $or or $not"),
    ({"$nor": []}, "$nor is no operator that joins filters"),
    ({"$and": []}, "$and takes a list of filters, not []"),
    ({"$or": {"year": 1}}, "$or takes a list of filters"),
    ({"$and": "year"}, "$and takes a list of filters"),
    ({"$or": [5]}, "a filter is an object such as"),
    ({"$not": []}, "a filter is an object such as"),
    ({"$not": 5}, "a filter is an object such as"),
    ({"year": {"$in": 5}}, "$in and $nin on 'year' take a list of values, not 5"),
    ({"year": {"$in": []}}, "take a list of values, not []"),
    ({"genre": {"$nin": "gothic"}}, "take a list of values, not 'gothic'"),
    ({"genre": {"$in": ["x"] * 101}}, "has 101 values, 100 at most"),
    ({"year": {"$in": [1, "2"]}}, "'2' is not"),
    ({"year": {"$exists": 1}}, "$exists on 'year' takes true or false, not 1"),
    ({"year": {"$exists": None}}, "$exists on 'year' takes true or false"),
    ({"genre": {"$gt": "a"}}, "$gt compares numbers and dates; 'genre' is of type string"),
    ({"ok": {"$lte": True}}, "$lte compares numbers and dates; 'ok' is of type boolean"),
    ({"tags": {"$gte": 5}}, "$gte compares numbers and dates"),
    ({"year": "1990"}, "'year' is of type integer, '1990' is not; " + KNOWN),
    ({"year": 1990.5}, "'year' is of type integer, 1990.5 is not"),
    ({"year": True}, "'year' is of type integer, True is not"),
    ({"year": None}, "'year' is of type integer, None is not"),
    ({"year": [1990]}, "'year' is of type integer, [1990] is not"),
    ({"year": 2**63}, "'year' is of type integer"),
    ({"year": {"$gt": "1990"}}, "'year' is of type integer, '1990' is not"),
    ({"year": {"$gt": True}}, "'year' is of type integer, True is not"),
    ({"year": {"$gt": NAN}}, "'year' is of type integer, nan is not"),
    ({"year": {"$lt": float("inf")}}, "'year' is of type integer, inf is not"),
    ({"price": "7"}, "'price' is of type float, '7' is not"),
    ({"price": NAN}, "'price' is of type float, nan is not"),
    ({"price": {"$lt": float("inf")}}, "'price' is of type float, inf is not"),
    ({"price": 10**400}, "'price' is of type float"),
    ({"price": False}, "'price' is of type float, False is not"),
    ({"ok": 1}, "'ok' is of type boolean, 1 is not"),
    ({"ok": "true"}, "'ok' is of type boolean, 'true' is not"),
    ({"genre": 5}, "'genre' is of type string, 5 is not"),
    ({"genre": ["gothic"]}, "'genre' is of type string, ['gothic'] is not"),
    ({"day": 2020}, "'day' is of type date such as 2019-12-31, 2020 is not"),
    ({"day": "yesterday"}, "'day' is of type date such as 2019-12-31, 'yesterday' is not"),
    ({"day": {"$lt": "2019-02-30"}}, "'2019-02-30' is not"),
    ({"day": "0001-01-01T00:00+10:00"}, "'day' is of type date"),
    ({"year": {"$not": {}}}, "the filter on 'year' has no operator"),
    ({"year": {"$not": {"$like": 5}}}, "'$like' on 'year' is no operator"),
]


@pytest.mark.parametrize(
    ("condition", "problem"), MISUSED, ids=[str(condition)[:40] for condition, _ in MISUSED]
)
def test_what_is_refused(rows: Rows, condition: object, problem: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        rows(condition)
    assert problem in str(caught.value)


def test_an_unknown_field_gets_the_list_of_fields(rows: Rows) -> None:
    listed = (
        "year (integer), price (float), ok (boolean), day (date), genre (string), tags (string), "
        "days (date)"
    )
    with pytest.raises(InvalidRequest) as caught:
        rows({"yaer": 1990})
    assert set(str(caught.value).partition(KNOWN)[2].split(", ")) == set(listed.split(", "))


def nested(depth: int, inner: dict[str, Any]) -> dict[str, Any]:
    for _ in range(depth):
        inner = {"$and": [inner]}
    return inner


def test_depth_is_bounded(rows: Rows) -> None:
    assert rows(nested(MAX_DEPTH, {"ok": True})) == rows({"ok": True})
    for condition in (nested(MAX_DEPTH + 1, {"ok": True}), nested(5000, {"ok": True})):
        with pytest.raises(InvalidRequest, match=f"nested more than {MAX_DEPTH} deep; flatten it"):
            rows(condition)
    with pytest.raises(InvalidRequest, match=f"nested more than {MAX_DEPTH} deep"):
        rows({"$not": nested(MAX_DEPTH, {"ok": True})})
    negated: dict[str, Any] = {"$eq": True}
    for _ in range(5000):
        negated = {"$not": negated}
    with pytest.raises(InvalidRequest, match="the filter"):
        rows({"ok": negated})


def test_size_is_bounded(rows: Rows) -> None:
    conditions = [{"year": number} for number in range(MAX_CONDITIONS)]
    assert rows({"$or": conditions[1:]}) == expected({"$or": conditions[1:]})
    with pytest.raises(InvalidRequest, match=f"more than {MAX_CONDITIONS} conditions; use"):
        rows({"$or": conditions})
    many = {"genre": {"$in": ["gothic"] * MAX_CONDITIONS}}
    assert rows(many) == expected(many)


def test_an_index_without_metadata(tmp_path: Path) -> None:
    index, schema = write(tmp_path, [document(1, "text")])
    with pytest.raises(InvalidRequest, match="fields to filter by: none"):
        FilterCompiler(schema, TextConditions(schema, index)).compile({"year": 1})
