"""Filters in the parameters of GET /search, against a plain scan of the same books."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.library import BOOKS

Test = Callable[[dict[str, Any]], bool]


def genres(book: dict[str, Any]) -> list[str]:
    return list(book.get("genres", []))


def year(book: dict[str, Any]) -> int:
    return int(book.get("year", -1))


CASES: list[tuple[str, Test]] = [
    ("year=1990", lambda b: year(b) == 1990),
    ("year>=1990", lambda b: year(b) >= 1990),
    ("year%3E%3D1990", lambda b: year(b) >= 1990),
    ("year>1990", lambda b: year(b) > 1990),
    ("year<1990", lambda b: 0 <= year(b) < 1990),
    ("year<=1990", lambda b: 0 <= year(b) <= 1990),
    ("year!=1990", lambda b: year(b) != 1990),
    ("year>=1990&year<2015", lambda b: 1990 <= year(b) < 2015),
    ("year=1969&year=2020", lambda b: year(b) in (1969, 2020)),
    ("rating<0", lambda b: b.get("rating", 0) < 0),
    ("rating=3", lambda b: b.get("rating") == 3),
    ("rating>=4.1", lambda b: b.get("rating", 0) >= 4.1),
    ("in_print=true", lambda b: b.get("in_print") is True),
    ("in_print=False", lambda b: b.get("in_print") is False),
    ("in_print!=true", lambda b: b.get("in_print") is not True),
    ("published=1990-07-14", lambda b: b.get("published") == "1990-07-14"),
    ("published>1990-07-14", lambda b: b.get("published", "") > "1990-07-14"),
    ("genres=mystery", lambda b: "mystery" in genres(b)),
    ("genres!=mystery", lambda b: "mystery" not in genres(b)),
    ("genres=mystery&genres=family", lambda b: bool({"mystery", "family"} & {*genres(b)})),
    ("genres!=mystery&genres!=family", lambda b: not {"mystery", "family"} & {*genres(b)}),
    ("genres=science+fiction", lambda b: "science fiction" in genres(b)),
    ("genres=50%25%20off", lambda b: "50% off" in genres(b)),
    ("genres=mystery&year>1990", lambda b: "mystery" in genres(b) and year(b) > 1990),
    # Fields named like parameters: = is taken, the other operators are not, and filter= takes all.
    ("k>7", lambda b: b.get("k", 0) > 7),
    ("q!=calm", lambda b: b.get("q") != "calm"),
    ("filter=" + quote('{"q": "dark & stormy"}'), lambda b: b.get("q") == "dark & stormy"),
    ("filter=" + quote('{"k": {"$in": [7, 12]}}') + "&year=1991", lambda b: b.get("k") == 12),
    ("filter={}", lambda _: True),
    ("filter={}&year=1990", lambda b: year(b) == 1990),
]


@pytest.mark.parametrize(("parameters", "passes"), CASES, ids=[case[0] for case in CASES])
def test_parameters_filter(client: TestClient, parameters: str, passes: Test) -> None:
    answer = client.get(f"/search?q=the+town&k=100&{parameters}")
    assert answer.status_code == 200, answer.text
    expected = sorted(book["id"] for book in BOOKS if passes(book))
    assert expected
    assert sorted(hit["id"] for hit in answer.json()["hits"]) == expected


def test_nothing_may_be_left(client: TestClient) -> None:
    assert client.get("/search?q=the+town&genres=western").json()["hits"] == []


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        (
            "author=me",
            "'author' is no field of this index; fields to filter by: year (integer), genres",
        ),
        ("utm_source=mail", "'utm_source' is no field of this index"),
        ("=x", "'' is no field of this index"),
        ("year=abc", "'year' is of type integer, 'abc' is not"),
        ("year>=", "'year' is of type integer, '' is not"),
        ("year=>1990", "'year' is of type integer, '>1990' is not"),
        (f"year={'9' * 5000}", "'year' is of type integer, '999"),
        ("rating=nan", "'rating' is of type float, nan is not"),
        ("rating>=1e999", "'rating' is of type float, inf is not"),
        ("in_print=perhaps", "'in_print' is of type boolean, 'perhaps' is not"),
        (
            "published=yesterday",
            "'published' is of type date such as 2019-12-31, 'yesterday' is not",
        ),
        ("genres>m", "$gt compares numbers and dates; 'genres' is of type string"),
        ("filter={", "filter is not JSON: "),
        ("filter=[]", 'filter is []; it must be an object such as {"year": {"$gte": 1990}}'),
        (f"filter={'[' * 20_000}", "filter is not JSON: "),
        ("filter={%22year%22:{}}", "the filter on 'year' has no operator"),
        ("&".join(f"year={n}" for n in range(101)), "$in on 'year' has 101 values, 100 at most"),
    ],
    ids=lambda value: value[:30],
)
def test_parameters_that_are_no_filter(client: TestClient, parameters: str, detail: str) -> None:
    answer = client.get(f"/search?q=x&{parameters}")
    assert answer.status_code == 422, answer.text
    assert detail in answer.json()["detail"]
