"""Types of metadata: what is inferred from values, and how it widens."""

import random
from datetime import UTC, datetime, timedelta, timezone
from itertools import permutations
from typing import Any

import pytest

from handler.corpus.schema import Field, Schema, date_number, date_text, observe, parse_date

SAMPLES: dict[str, Any] = {
    "integer": 5,
    "float": 5.5,
    "boolean": True,
    "date": "2020-02-29",
    "string": "green",
    "text": "x" * 257,
}


def schema(*values: Any) -> Field:
    found: Schema = {}
    for value in values:
        observe(found, {"f": value})
    return found["f"]


@pytest.mark.parametrize(("kind", "value"), SAMPLES.items())
def test_each_kind(kind: str, value: object) -> None:
    assert schema(value) == Field(kind, False, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("x" * 256, "string"),
        ("", "string"),
        ("1990", "string"),
        ("2020-02-30", "string"),
        ("2020-2-3", "string"),
        ("20200203", "string"),
        ("2020-02-03T25:00", "string"),
        ("2020-02-03 or so", "string"),
        ("2020-02-03T04:05", "date"),
        ("2020-02-03 04:05:06", "date"),
        ("2020-02-03T04:05:06.7Z", "date"),
        ("2020-02-03T04:05:06+05:30", "date"),
        ("0001-01-01", "date"),
        ("9999-12-31T23:59:59.999999", "date"),
        ("0001-01-01T00:00+01:00", "string"),
    ],
)
def test_what_is_a_date(value: str, kind: str) -> None:
    assert schema(value).kind == kind


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("integer", "float", "float"),
        ("integer", "boolean", "string"),
        ("integer", "date", "string"),
        ("float", "string", "string"),
        ("date", "string", "string"),
        ("boolean", "string", "string"),
        ("integer", "text", "text"),
        ("date", "text", "text"),
        ("string", "text", "text"),
    ],
)
def test_two_kinds_widen_alike_in_both_orders(one: str, other: str, both: str) -> None:
    assert schema(SAMPLES[one], SAMPLES[other]).kind == both
    assert schema(SAMPLES[other], SAMPLES[one]).kind == both


def test_the_order_of_documents_decides_nothing() -> None:
    for values in permutations(SAMPLES.values(), 3):
        assert len({schema(*order) for order in permutations(values)}) == 1


def test_lists_and_counts() -> None:
    assert schema("a", ["b", "c"], ["2020-01-01"]) == Field("string", True, 3)
    assert schema(["2020-01-01", "2021-01-01"]) == Field("date", True, 1)
    assert schema(["a", "x" * 257]).kind == "text"


def test_empty_lists_tell_nothing() -> None:
    found: Schema = {}
    observe(found, {"f": [], "g": 1})
    assert list(found) == ["g"]
    observe(found, {"f": ["a"], "g": 2})
    assert found == {"g": Field("integer", False, 2), "f": Field("string", True, 1)}


def test_dates_are_utc_unless_they_name_a_zone() -> None:
    assert parse_date("2020-01-02") == datetime(2020, 1, 2, tzinfo=UTC)
    assert parse_date("2020-01-02T03:04+01:00") == datetime(2020, 1, 2, 2, 4, tzinfo=UTC)


def test_dates_sort_as_numbers_in_any_year() -> None:
    rng = random.Random(1)
    span = (datetime.max - datetime.min) // timedelta(microseconds=1)
    moments = [
        datetime.min + timedelta(days=2, microseconds=rng.randrange(span - 4 * 86_400_000_000))
        for _ in range(500)
    ]
    dates = [
        moment.replace(tzinfo=timezone(timedelta(minutes=rng.randint(-720, 720))))
        for moment in moments
    ]
    numbers = [date_number(date.isoformat()) for date in dates]
    assert [dates[at] for at in sorted(range(500), key=numbers.__getitem__)] == sorted(dates)
    assert [parse_date(date_text(number)) for number in numbers] == dates
    assert all(-(2**63) <= number < 2**63 for number in numbers)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1605-01-16", "1605-01-16"),
        ("1970-01-01T00:00:00+00:00", "1970-01-01"),
        ("2020-01-02T03:04", "2020-01-02T03:04:00Z"),
        ("2020-01-02T03:04:05.5+05:30", "2020-01-01T21:34:05.500000Z"),
    ],
)
def test_dates_are_shown_in_full(text: str, shown: str) -> None:
    assert date_text(date_number(text)) == shown
