"""One set of requests, and what of an answer must be the same wherever it comes from."""

import base64
import gzip
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.function import EVENTS, event, get_event

# They tell of the request, the connection, or the time that was taken.
OF_THE_CALL = {"connection", "content-length", "date", "server", "server-timing", "x-request-id"}
IN_A_BODY = re.compile(
    rb'(?<="request_id":")[^"]+|(?<="fetched":){[^}]+}|answered in \d+ ms|\d+ \w+ old|just made'
)


def request(
    method: str, path: str, query: str = "", body: str | None = None, **headers: str
) -> dict[str, Any]:
    """Return API Gateway's event of a request; `_` in the names of headers stands for `-`."""
    sample = get_event(path, query)
    context = sample["requestContext"] | {
        "http": sample["requestContext"]["http"] | {"path": path, "method": method}
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        given.setdefault("content-type", "application/json")
    return (
        sample
        | {"requestContext": context, "headers": sample["headers"] | given}
        | ({"body": body} if body else {})
    )


# Every route, and the ways in which a request can be refused; only /random answers differently each time.
REQUESTS: dict[str, dict[str, Any]] = {
    **{path.stem: event(path.stem) for path in sorted(EVENTS.glob("*.json")) if "rawPath" in path.read_text("utf-8")},
    "filter, facets and sort": request(
        "POST",
        "/search",
        body='{"query": "mystery", "filter": {"year": {"$gte": 1990}}, "facets": ["genres"], "sort": "-year"}',
    ),
    "explained and highlighted": request(
        "POST", "/search", body='{"query": "tide", "explain": true, "highlight": true, "mode": "keyword"}'
    ),
    "letters of other scripts": request("GET", "/search", "q=%D0%BC%D0%BE%D1%80%D0%B5%20%E6%9D%B1%E4%BA%AC&k=2"),
    "description": request("GET", "/openapi.json"),
    "batch": request("POST", "/search/batch", body='{"queries": [{"query": "tide"}, {"query": "sea", "k": 1}]}'),
    "similar": request("GET", "/documents/bare/similar", "k=2"),
    "id with a slash": request("GET", "/documents/tides/1"),
    "suggest": request("GET", "/suggest", "q=ti"),
    "schema": request("GET", "/schema"),
    "indexes": request("GET", "/indexes"),
    "models": request("GET", "/v1/models"),
    "agent, asking for tools": request(
        "POST", "/mcp", body='{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
    ),
    "agent, searching": request(
        "POST",
        "/mcp",
        body='{"jsonrpc": "2.0", "id": 1, "method": "tools/call", '
        '"params": {"name": "search", "arguments": {"query": "tide", "k": 2}}}',
    ),
    "named index": request("GET", "/indexes/default/search", "q=tide"),
    "page": request("GET", "/", "q=tide"),
    "page, compressed": request("GET", "/", "q=tide", accept_encoding="gzip"),
    "page, head only": request("HEAD", "/"),
    "health, head only": request("HEAD", "/health"),
    "no such document": request("GET", "/documents/no-such-book"),
    "no such index": request("GET", "/indexes/poems/search", "q=tide"),
    "no such path": request("GET", "/no/such/path"),
    "no such method": request("DELETE", "/search"),
    "no query": request("GET", "/search"),
    "k too large": request("GET", "/search", "q=tide&k=100000"),
    "no JSON": request("POST", "/search", body="{'query'"),
    "unknown field": request("POST", "/search", body='{"query": "tide", "filter": {"colour": "red"}}'),
    "wrong type of content": request("POST", "/search", body="query=tide", content_type="text/plain"),
    "other origin": request("OPTIONS", "/search", origin="https://a.example", access_control_request_method="POST"),
}  # fmt: skip


class Answer(NamedTuple):
    """What a caller gets, without what is the call's own."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer_of(payload: Mapping[str, Any]) -> Answer:
    """Return what the function hands to API Gateway."""
    body = payload["body"].encode()
    body = base64.b64decode(body) if payload["isBase64Encoded"] else body
    return comparable(payload["statusCode"], payload["headers"], body)


def comparable(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Return an answer without what is the call's own."""
    kept = {name: value for name, value in headers.items() if name not in OF_THE_CALL}
    plain = gzip.decompress(body) if kept.get("content-encoding") == "gzip" else body
    return Answer(status, kept, IN_A_BODY.sub(b"", plain))
