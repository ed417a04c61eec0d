"""Bad input over HTTP: the right status, and a problem that names thing, fault and remedy."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.errors import IndexUnavailable, ModelError, ModelMismatch, StoreError
from handler.service import Service
from handler.settings import SettingError
from tests.library import Library

JSON = "application/json"
FIELDS = (
    "fields to filter by: year (integer), genres (string), rating (float), in_print (boolean), "
    "published (date)"
)
HALF = r"\ud800"


def short(value: object) -> str | None:
    """Name a parameter of a test by its beginning."""
    return repr(value)[:40] if isinstance(value, str | bytes) else None


def expect(answer: Any, status: int, detail: str) -> None:
    """Expect a problem, as RFC 9457 shapes it, whose detail has the text `detail`."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail", "request_id"}
    assert detail in problem["detail"]
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["server-timing"].startswith("total;dur=")


QUERIES: list[tuple[str | bytes, int, str]] = [
    ('{"query": ""}', 422, "query is empty; say what to search for"),
    ('{"query": " \\t\\n "}', 422, "query is empty; say what to search for"),
    (
        f'{{"query": "{"x" * 100_000}"}}',
        422,
        "query has 100000 characters; 2000 at most (QUERYTOWER_MAX_QUERY_CHARS)",
    ),
    (f'{{"query": "{HALF}"}}', 422, "query holds half of a surrogate pair, which is not text"),
    ('{"query": null}', 422, "query: Input should be a valid string"),
    ('{"k": 3}', 422, "query is empty; say what to search for"),
    ('{"query": "x", "q": "y"}', 422, "q: Extra inputs are not permitted"),
    ('{"query": "x", "limit": 3}', 422, "limit: Extra inputs are not permitted"),
    ('{"query": "x", "k": 0}', 422, "k is 0; it may be 1 to 100 (QUERYTOWER_MAX_K)"),
    ('{"query": "x", "k": 10000}', 422, "k is 10000; it may be 1 to 100 (QUERYTOWER_MAX_K)"),
    ('{"query": "x", "k": NaN}', 422, "k: Input should be a finite number"),
    ('{"query": "x", "k": 1.5}', 422, "k: Input should be a valid integer"),
    (
        '{"query": "x", "offset": -1}',
        422,
        "offset is -1; it may be 0 to 1000 (QUERYTOWER_MAX_OFFSET)",
    ),
    ('{"query": "x", "offset": 1001}', 422, "offset is 1001; it may be 0 to 1000"),
    (
        '{"query": "x", "mode": "magic"}',
        422,
        "mode: Input should be 'hybrid', 'semantic' or 'keyword'",
    ),
    (
        '{"query": "x", "sort": "nope"}',
        422,
        "'nope' can't be sorted by; fields that can: year, genres",
    ),
    ('{"query": "x", "sort": "genres"}', 422, "'genres' has lists of values, which have no order"),
    ('{"query": "x", "facets": [""]}', 422, "'' can't be counted; fields that can: year, genres"),
    (
        json.dumps({"query": "x", "facets": ["year"] * 65}),
        422,
        "65 facets were asked for; 64 at most",
    ),
]
FILTERS = [
    ('{"author": "me"}', f"'author' is no field of this index; {FIELDS}"),
    ('{"year": "1990"}', f"'year' is of type integer, '1990' is not; {FIELDS}"),
    ('{"year": NaN}', "'year' is of type integer, nan is not"),
    ('{"rating": {"$gt": Infinity}}', "'rating' is of type float, inf is not"),
    ('{"year": {"$like": 3}}', "'$like' on 'year' is no operator; use one of $eq, $ne"),
    ('"year"', "filter: Input should be a valid dictionary"),
    (f'{{"genres": "{HALF}"}}', "filter holds half of a surrogate pair, which is not text"),
    (f'{{"genres": {{"$in": ["a", "{HALF}"]}}}}', "filter holds half of a surrogate pair"),
    (f'{{"{HALF}": 1}}', "filter holds half of a surrogate pair"),
    (
        '{"$not": ' * 300 + '{"year": 1}' + "}" * 300,
        "filter is nested more than 8 deep; flatten it",
    ),
]
BODIES: list[tuple[str | bytes, int, str]] = [
    ("", 422, "body: Field required"),
    ("{", 400, "the body is not JSON: "),
    ("[" * 100_000, 400, "the request is nested too deep; flatten it"),
    ('{"query": "\xff"}'.encode("latin-1"), 400, "the body is not UTF-8; send JSON in UTF-8"),
    (f'{{"query": "x", "k": {"9" * 5000}}}', 400, "the body has a number of too many digits"),
    ("[]", 422, "body: Input should be a valid dictionary or object"),
    ("null", 422, "body: Input should be a valid dictionary or object"),
    (f'{{"query": "x", "{HALF}": 1}}', 422, "Input should be a valid string"),
]
BATCHES = [
    ('{"queries": []}', "the number of queries is 0; it may be 1 to 64 (QUERYTOWER_MAX_BATCH)"),
    (
        json.dumps({"queries": [{"query": "x"}] * 65}),
        "the number of queries is 65; it may be 1 to 64",
    ),
    ('{"queries": [{"query": "x"}, {"query": "x", "k": 0}]}', "k is 0; it may be 1 to 100"),
    ('{"queries": [{"query": "x"}, {"k": 1}]}', "query is empty; say what to search for"),
]
EMBEDDINGS = [
    ('{"input": []}', "input is empty; send one text or more"),
    ('{"input": ["x", " "]}', "input[1] is empty"),
    ('{"input": [[]]}', "input[0] is empty"),
    ('{"input": ["x", 1]}', "Input should be a valid string"),
    ('{"input": [true]}', "Input should be a valid"),
    (json.dumps({"input": ["x"] * 40_000}), "input has more than 100000 tokens"),
    ('{"input": "x", "dimensions": 33}', "dimensions is 33; this model has 32"),
    ('{"input": "x", "dimensions": -1}', "dimensions is -1; this model has 32"),
    (
        '{"input": "x", "encoding_format": "hex"}',
        "encoding_format: Input should be 'float' or 'base64'",
    ),
]
PATHS = [
    ("GET", "/search", 422, "query is empty"),
    ("GET", "/search?q=%20", 422, "query is empty"),
    ("GET", f"/search?q={'x' * 2001}", 422, "query has 2001 characters"),
    ("GET", "/search?q=x&k=0", 422, "k is 0; it may be 1 to 100"),
    ("GET", "/search?q=x&k=NaN", 422, "k: Input should be a valid integer"),
    ("GET", "/search?q=x&mode=magic", 422, "mode: Input should be"),
    ("GET", "/search?q=x&facets=year,,genres", 422, "'' can't be counted"),
    ("GET", "/suggest?q=", 422, "q is empty"),
    ("GET", "/suggest?q=x&k=101", 422, "k is 101; it may be 1 to 100"),
    ("GET", "/documents/nope", 404, "index 'default' has no document with id 'nope'"),
    ("GET", "/documents/", 404, "index 'default' has no document with id ''"),
    ("GET", "/documents/nope/similar", 404, "index 'default' has no document with id 'nope'"),
    ("GET", "/documents/bare/similar?k=10000", 422, "k is 10000; it may be 1 to 100"),
    ("GET", "/indexes/films/documents/bare", 404, "index 'films' has no document with id 'bare'"),
    (
        "GET",
        "/indexes/nope/search?q=x",
        404,
        "there is no index 'nope'; GET /indexes lists the available ones",
    ),
    (
        "GET",
        "/indexes/a%20b/ready",
        404,
        "there is no index 'a b'; GET /indexes lists the available ones",
    ),
    (
        "GET",
        "/indexes/%2E%2E/ready",
        404,
        "there is no index '..'; GET /indexes lists the available ones",
    ),
    ("GET", "/nope", 404, "no resource at /nope; /docs lists what there is"),
    ("DELETE", "/search", 405, "DELETE is not possible at /search; /docs lists what is"),
    ("POST", "/health", 405, "POST is not possible at /health"),
]


@pytest.mark.parametrize(("body", "status", "detail"), QUERIES + BODIES, ids=short)
def test_bodies_of_searches(
    client: TestClient, body: str | bytes, status: int, detail: str
) -> None:
    expect(client.post("/search", content=body, headers={"content-type": JSON}), status, detail)


@pytest.mark.parametrize(("condition", "detail"), FILTERS, ids=short)
def test_filters(client: TestClient, condition: str, detail: str) -> None:
    body = f'{{"query": "x", "filter": {condition}}}'
    expect(client.post("/search", content=body, headers={"content-type": JSON}), 422, detail)


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [("/search/batch", *each) for each in BATCHES]
    + [("/v1/embeddings", *each) for each in EMBEDDINGS],
    ids=short,
)
def test_other_bodies(client: TestClient, path: str, body: str, detail: str) -> None:
    expect(client.post(path, content=body, headers={"content-type": JSON}), 422, detail)


@pytest.mark.parametrize(("method", "path", "status", "detail"), PATHS, ids=short)
def test_paths(client: TestClient, method: str, path: str, status: int, detail: str) -> None:
    expect(client.request(method, path), status, detail)


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data", ""],
)
def test_a_body_that_is_not_called_json(client: TestClient, kind: str) -> None:
    answer = client.post("/search", content='{"query": "x"}', headers={"content-type": kind})
    expect(answer, 415, f"the content type is {kind!r}; send application/json")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"]
)
def test_a_body_that_is_called_json(client: TestClient, kind: str) -> None:
    assert (
        client.post("/search", content='{"query": "x"}', headers={"content-type": kind}).status_code
        == 200
    )


def test_no_depth_of_nesting_is_a_fault_of_ours(client: TestClient) -> None:
    for depth in range(900, 1000):
        for opening, closing in (('{"a": ', "}"), ('{"$not": ', "}"), ("[", "]")):
            body = f'{{"query": "x", "filter": {{"year": {opening * depth}1{closing * depth}}}}}'
            answer = client.post("/search", content=body, headers={"content-type": JSON})
            assert answer.status_code in (400, 422), (depth, answer.text[:300])


def test_a_problem_quotes_no_more_than_a_glimpse(client: TestClient) -> None:
    answer = client.post("/search", json={"query": "x", "filter": {"year": "1" * 900_000}})
    expect(answer, 422, "'year' is of type integer, '111")
    assert len(answer.content) < 2000


def chunks(size: int) -> Iterator[bytes]:
    for start in range(0, size, 100_000):
        yield b" " * min(100_000, size - start)


@pytest.mark.parametrize("length", ["none", "1000001", "10"])
def test_a_body_that_is_too_large(client: TestClient, length: str) -> None:
    headers = {} if length == "none" else {"content-length": length}
    sent = client.post(
        "/search", content=chunks(1_000_001), headers={"content-type": JSON, **headers}
    )
    expect(sent, 413, "the body is larger than QUERYTOWER_MAX_BODY_BYTES allows; send less")


@pytest.mark.parametrize("length", ["abc", "-1", "1e3", "1,1", ""])
def test_a_length_that_is_no_number(client: TestClient, length: str) -> None:
    headers = {"content-type": JSON, "content-length": length}
    answer = client.post("/search", content=b'{"query": "x"}', headers=headers)
    expect(answer, 400, f"the Content-Length is {length!r}; send the number of the body's bytes")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/search", "GET, HEAD, POST"),
        ("/search/batch", "POST"),
        ("/indexes/films/search", "GET, HEAD, POST"),
        ("/documents/bare/similar", "GET, HEAD"),
        ("/health", "GET, HEAD"),
    ],
)
def test_a_refused_method_names_those_that_are_possible(
    client: TestClient, path: str, methods: str
) -> None:
    answer = client.delete(path)
    expect(answer, 405, f"DELETE is not possible at {path}")
    assert answer.headers["allow"] == methods


@pytest.mark.parametrize("path", ["/search/", "/health/", "/docs/", "/indexes/films/ready/"])
def test_a_slash_at_the_end_leads_nowhere(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"host": "evil.example"}, follow_redirects=False)
    expect(answer, 404, f"no resource at {path}")


def test_a_body_of_just_the_size_allowed(client: TestClient) -> None:
    body = b'{"query": "tide"}'
    content = body + b" " * (1_000_000 - len(body))
    assert (
        client.post("/search", content=content, headers={"content-type": JSON}).status_code == 200
    )


def test_bounds_are_settings(library: Library) -> None:
    bounds = {
        "max_k": 3,
        "max_offset": 5,
        "max_query_chars": 4,
        "max_embedding_tokens": 5,
        "max_body_bytes": 100,
    }
    settings = library.settings(**bounds)
    service = Service.open(settings)
    client = TestClient(create_app(settings, lambda: service))
    assert (
        len(client.post("/search", json={"query": "tide", "k": 3, "offset": 3}).json()["hits"]) == 3
    )
    expect(client.post("/search", json={"query": "tide", "k": 4}), 422, "k is 4; it may be 1 to 3")
    expect(
        client.post("/search", json={"query": "tide", "k": 1, "offset": 6}),
        422,
        "offset is 6; it may be 0 to 5",
    )
    expect(
        client.post("/search", json={"query": "tides", "k": 1}),
        422,
        "query has 5 characters; 4 at most",
    )
    expect(
        client.post("/v1/embeddings", json={"input": ["a", "b"]}),
        422,
        "input has more than 5 tokens",
    )
    expect(client.post("/search", json={"query": "x" * 100}), 413, "the body is larger")


def failing(error: Exception) -> Callable[[], Service]:
    def load() -> Service:
        raise error

    return load


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (
            ZeroDivisionError("secret"),
            500,
            "something went wrong; the log says what, under this request id",
        ),
        (
            StoreError("s3://secret: timed out"),
            503,
            "the index can't be searched at the moment; the log says why",
        ),
        (
            IndexUnavailable("s3://secret has no index"),
            503,
            "the index can't be searched at the moment",
        ),
        (ModelError("no model in /secret"), 503, "the index can't be searched at the moment"),
        (
            SettingError("QUERYTOWER_SECRET is not set"),
            503,
            "the index can't be searched at the moment",
        ),
        (
            ModelMismatch("index was built with A, this is B"),
            503,
            "index was built with A, this is B",
        ),
    ],
)
def test_faults_of_our_own_are_told_to_the_log_alone(
    library: Library,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int,
    told: str,
) -> None:
    client = TestClient(
        create_app(library.settings(), failing(error)), raise_server_exceptions=False
    )
    for path in (
        "/ready",
        "/search?q=x",
        "/documents/x",
        "/random",
        "/schema",
        "/indexes",
        "/indexes/films/ready",
    ):
        answer = client.get(path)
        expect(answer, status, told)
        assert "secret" not in answer.text.lower()
        line = json.loads(capsys.readouterr().out)
        assert line["status"] == status
        assert str(error) in line["problem"]
        assert ("Traceback" in line["problem"]) == (status == 500)
    assert client.get("/health").json() == {"status": "ok"}
