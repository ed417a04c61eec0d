"""No value of any parameter makes the application fail: whatever it gets, no 5xx."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from handler.search.parameters import OPTIONS
from handler.search.request import SearchRequest
from tests.library import BOOKS

FIELDS = sorted({name for book in BOOKS for name in book})
OPERATORS = [
    *(
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$in",
        "$nin",
        "$exists",
        "$not",
        "$startsWith",
        "$contains",
        "$ieq",
    ),
]
EXAMPLES = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Texts as they come, a letter many times, and what has a meaning in some syntax.
letters = st.characters(codec="utf-8")
texts = st.one_of(
    st.text(letters, max_size=30),
    st.builds(lambda text, n: (text * n)[:2000], st.text(letters, min_size=1, max_size=3), st.integers(1, 2000)),
    st.sampled_from(['"', '"a', "a:b", "a/b/c", "[a-z]+(", "*", "~1", "^2", "AND", "-", "--", "\0", "%", "{}", "true"]),
)  # fmt: skip
numbers = st.one_of(
    st.integers(),
    st.integers(-200, 200),
    st.builds(lambda digits, sign: sign * int("9" * digits), st.integers(1, 4000), st.sampled_from([1, -1])),
    st.floats(),
)  # fmt: skip
half_pairs = st.sampled_from(["\ud800", "a\udfffb"])
scalars = st.one_of(st.none(), st.booleans(), numbers, texts, half_pairs)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | half_pairs, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
names = st.sampled_from(FIELDS) | texts
conditions = st.recursive(
    st.dictionaries(
        names, values | st.dictionaries(st.sampled_from(OPERATORS), values, max_size=2), max_size=2
    ),
    lambda inner: st.dictionaries(st.sampled_from(["$and", "$or", "$not"]), inner | st.lists(inner, max_size=3), max_size=2),
    max_leaves=4,
)  # fmt: skip
PLAIN: dict[str, Any] = {"query": "tide"}
ranks = st.fixed_dictionaries(
    {"field": names},
    optional={
        "scale": st.sampled_from(["log", "linear", "recency"]),
        "weight": st.floats(0, 1),
        "half_life_days": st.floats(1e-9, 1e6),
    },
)
good = {
    "query": texts | half_pairs,
    "filter": conditions,
    "mode": st.sampled_from(["hybrid", "semantic", "keyword"]),
    "sort": names.map(lambda name: f"-{name}") | names | half_pairs,
    "facets": st.lists(names | half_pairs, max_size=3),
    "fields": st.lists(names | st.sampled_from(["id", "metadata.year"]) | half_pairs, max_size=3),
    "explain": st.booleans(),
    "highlight": st.booleans(),
    "k": st.integers(-1, 101),
    "facet_values": st.integers(0, 1001),
    "facet_query": texts | half_pairs,
    "total": st.booleans(),
    "semantic_ratio": st.floats(-0.1, 1.1),
    "min_score": st.none() | st.floats(-1.1, 1.1),
    "distinct": names | half_pairs,
    "diversity": st.floats(0, 1),
    "collapse": st.booleans(),
    "verbatim": st.booleans(),
    "typing": st.booleans(),
    "rerank": st.none() | st.integers(-1, 101),
    "rank": st.none() | ranks,
    "vector": st.lists(st.floats(-1, 1), min_size=32, max_size=32) | st.lists(numbers, max_size=3),
    "offset": st.integers(-1, 1001),
}
bodies = st.fixed_dictionaries(
    {"query": good["query"]}, optional={name: good[name] for name in good if name != "query"}
)
wrong = st.dictionaries(st.sampled_from([*SearchRequest.model_fields, "q", "other"]), values)


def sent(client: TestClient, method: str, path: str, body: Any = None) -> None:
    """Send a request; expect an answer of the application's own, in JSON, that isn't a 5xx."""
    content = None if body is None else json.dumps(body)
    answer = client.request(
        method, path, content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code < 500, (method, path[:300], (content or "")[:300], answer.text)
    assert "json" in answer.headers["content-type"]
    json.loads(answer.content)


def test_the_strategies_know_every_option() -> None:
    assert good.keys() == SearchRequest.model_fields.keys()


@EXAMPLES
@given(body=bodies | wrong | values)
def test_search(client: TestClient, body: Any) -> None:
    sent(client, "POST", "/search", body)


@EXAMPLES
@given(queries=st.lists(bodies | wrong, max_size=3) | values)
def test_batch(client: TestClient, queries: Any) -> None:
    sent(client, "POST", "/search/batch", {"queries": queries})


@EXAMPLES
@given(
    parameters=st.lists(
        st.tuples(
            st.sampled_from([*OPTIONS, "filter", *FIELDS, *(f"{name}>" for name in FIELDS)]) | texts,
            texts | numbers.map(str) | conditions.map(json.dumps),
        ),
        max_size=4,
    )
)  # fmt: skip
def test_search_by_url(client: TestClient, parameters: list[tuple[str, str]]) -> None:
    pairs = [("q", "tide"), *parameters]
    url = "/search?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
    assume(len(url) < 60_000)  # the test's client sends no longer ones
    sent(client, "GET", url)


@EXAMPLES
@given(q=texts, k=texts | numbers.map(str) | st.just("8"))
def test_suggest(client: TestClient, q: str, k: str) -> None:
    sent(client, "GET", f"/suggest?q={quote(q)}&k={quote(k)}")
    sent(client, "GET", f"/suggest?q={quote(q)}")


@EXAMPLES
@given(key=texts | st.sampled_from([str(book["id"]) for book in BOOKS]), k=texts | numbers.map(str))
def test_documents(client: TestClient, key: str, k: str) -> None:
    for path in (f"/documents/{quote(key)}", f"/indexes/{quote(key, safe='')}/random"):
        sent(client, "GET", path)
    sent(client, "GET", f"/documents/{quote(key)}/similar?k={quote(k)}")


LISTED = st.sampled_from(
    ["id", "ids", "after", "k", "fields", *FIELDS, *(f"{name}<" for name in FIELDS)]
)
ROUTES = st.sampled_from(["/documents", "/documents/bare", "/similar", "/random", "/documents/bare/similar"])  # fmt: skip


@EXAMPLES
@given(
    path=ROUTES,
    parameters=st.lists(st.tuples(LISTED | texts, texts | numbers.map(str)), max_size=4),
)
def test_parameters_of_documents(
    client: TestClient, path: str, parameters: list[tuple[str, str]]
) -> None:
    sent(client, "GET", path + "?" + "&".join(f"{quote(a)}={quote(b)}" for a, b in parameters))


@EXAMPLES
@given(
    body=values
    | st.fixed_dictionaries(
        {"input": texts | st.lists(texts | half_pairs, max_size=3)},
        optional={"dimensions": numbers, "encoding_format": values, "input_type": values},
    )
)
def test_embeddings(client: TestClient, body: Any) -> None:
    sent(client, "POST", "/v1/embeddings", body)


@pytest.mark.parametrize("path", ["/search", "/search/batch", "/v1/embeddings"])
@EXAMPLES
@given(content=st.binary(max_size=60) | texts.map(str.encode))
def test_bodies_that_are_no_json(client: TestClient, path: str, content: bytes) -> None:
    answer = client.post(path, content=content, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500, (content, answer.text)
