"""One set of requests to the function in AWS's emulator and to `querytower serve`: the same answers, byte for byte."""

import base64
import gzip
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from infra.emulator import Emulator
from tests.command_line import start
from tests.function import EVENTS, event, get_event

# They tell of the request, the connection, or the time that was taken.
OF_THE_CALL = {"connection", "content-length", "date", "server", "server-timing", "x-request-id"}
# The connection's own, or wrong once a body is changed.
NOT_SENT = {"host", "content-length"}
IN_A_BODY = re.compile(rb'(?<="request_id":")[^"]+|answered in \d+ ms|\d+ \w+ old|just made')


def _request(method: str, path: str, query: str = "", body: str | None = None, **headers: str) -> dict[str, Any]:
    """Return API Gateway's event of a request; `_` in the names of headers stands for `-`."""
    sample = get_event(path, query)
    context = sample["requestContext"] | {"http": sample["requestContext"]["http"] | {"path": path, "method": method}}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        given.setdefault("content-type", "application/json")
    return sample | {"requestContext": context, "headers": sample["headers"] | given} | ({"body": body} if body else {})


# Every route, and the ways in which a request can be refused; only /random answers differently each time.
REQUESTS: dict[str, dict[str, Any]] = {
    **{path.stem: event(path.stem) for path in sorted(EVENTS.glob("*.json")) if "rawPath" in path.read_text("utf-8")},
    "filter, facets and sort": _request(
        "POST",
        "/search",
        body='{"query": "mystery", "filter": {"year": {"$gte": 1990}}, "facets": ["genres"], "sort": "-year"}',
    ),
    "explained and highlighted": _request(
        "POST", "/search", body='{"query": "tide", "explain": true, "highlight": true, "mode": "keyword"}'
    ),
    "letters of other scripts": _request("GET", "/search", "q=%D0%BC%D0%BE%D1%80%D0%B5%20%E6%9D%B1%E4%BA%AC&k=2"),
    "batch": _request("POST", "/search/batch", body='{"queries": [{"query": "tide"}, {"query": "sea", "k": 1}]}'),
    "similar": _request("GET", "/documents/bare/similar", "k=2"),
    "id with a slash": _request("GET", "/documents/tides/1"),
    "suggest": _request("GET", "/suggest", "q=ti"),
    "schema": _request("GET", "/schema"),
    "indexes": _request("GET", "/indexes"),
    "named index": _request("GET", "/indexes/default/search", "q=tide"),
    "page": _request("GET", "/", "q=tide"),
    "page, compressed": _request("GET", "/", "q=tide", accept_encoding="gzip"),
    "page, head only": _request("HEAD", "/"),
    "health, head only": _request("HEAD", "/health"),
    "no such document": _request("GET", "/documents/no-such-book"),
    "no such index": _request("GET", "/indexes/poems/search", "q=tide"),
    "no such path": _request("GET", "/no/such/path"),
    "no such method": _request("DELETE", "/search"),
    "no query": _request("GET", "/search"),
    "k too large": _request("GET", "/search", "q=tide&k=100000"),
    "no JSON": _request("POST", "/search", body="{'query'"),
    "unknown field": _request("POST", "/search", body='{"query": "tide", "filter": {"colour": "red"}}'),
    "wrong type of content": _request("POST", "/search", body="query=tide", content_type="text/plain"),
    "other origin": _request("OPTIONS", "/search", origin="https://a.example", access_control_request_method="POST"),
}  # fmt: skip


class Answer(NamedTuple):
    """What a caller gets, without what is the call's own."""

    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def served(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the server, which has the settings of the function."""
    process = start(
        "serve", "--port", 0, "--model", variables["QUERYTOWER_MODEL"],
        folder=tmp_path_factory.mktemp("served"), COLUMNS="200", **variables,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        banner = process.stderr.readline() + process.stderr.readline()
        address = re.search(r"http://(127\.0\.0\.1:\d+)", banner)
        assert address, banner + process.stderr.read()
        yield address[1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def by_server(address: str, sent: dict[str, Any]) -> Answer:
    connection = HTTPConnection(address, timeout=30)
    try:
        query = f"?{sent['rawQueryString']}" if sent["rawQueryString"] else ""
        headers = {name: value for name, value in sent["headers"].items() if name not in NOT_SENT}
        body = sent["body"].encode() if "body" in sent else None
        connection.request(sent["requestContext"]["http"]["method"], sent["rawPath"] + query, body, headers)
        answer = connection.getresponse()
        return _answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def by_function(emulator: Emulator, sent: dict[str, Any]) -> Answer:
    payload = emulator.invoke(sent).payload
    body = payload["body"].encode()
    return _answer(
        payload["statusCode"], payload["headers"], base64.b64decode(body) if payload["isBase64Encoded"] else body
    )


def _answer(status: int, headers: dict[str, str], body: bytes) -> Answer:
    kept = {name: value for name, value in headers.items() if name not in OF_THE_CALL}
    plain = gzip.decompress(body) if kept.get("content-encoding") == "gzip" else body
    return Answer(status, kept, IN_A_BODY.sub(b"", plain))


@pytest.mark.parametrize("name", REQUESTS)
def test_server_and_function_give_the_same_answer(emulator: Emulator, served: str, name: str) -> None:
    assert by_function(emulator, REQUESTS[name]) == by_server(served, REQUESTS[name])


def test_the_files_of_the_page_are_the_same(emulator: Emulator, served: str) -> None:
    page = by_server(served, REQUESTS["page"]).body.decode()
    paths = {urlsplit(path).path for path in re.findall(r'(?:href|src)="(/?web/[^"]+)"', page)}
    assert len(paths) >= 2
    for path in paths:
        sent = _request("GET", f"/{path.lstrip('/')}")
        assert by_function(emulator, sent) == by_server(served, sent)


def test_the_requests_are_answered_in_all_the_ways_there_are(served: str) -> None:
    statuses = {name: by_server(served, sent).status for name, sent in REQUESTS.items()}
    assert {200, 404, 405, 415, 422} <= set(statuses.values()), statuses
