"""One line of JSON in the log for each request, and what browsers of other origins may read."""

import json
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.service import Service
from tests.library import Library

ORIGIN = {"origin": "https://shop.example"}
ALLOWED = "access-control-allow-origin"


def client_of(library: Library, **changes: Any) -> TestClient:
    settings = library.settings(**changes)
    service = Service.open(settings)
    return TestClient(create_app(settings, lambda: service), raise_server_exceptions=False)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    every = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in every if line["event"] == "request"]


def test_a_search_is_one_line(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    client = client_of(library)
    answer = client.post("/search", json={"query": "tide", "k": 2})
    [line] = lines(capsys)
    stages = {
        f"{name}_ms": float(ms)
        for name, ms in re.findall(r"(\w+);dur=([\d.]+)", answer.headers["server-timing"])
    }
    assert stages.keys() == {"encode_ms", "search_ms", "total_ms"}
    assert {name: line.pop(name) for name in ("encode_ms", "search_ms")} == {
        name: stages[name] for name in ("encode_ms", "search_ms")
    }
    assert line.pop("total_ms") >= stages["total_ms"] - 0.01
    assert line == {
        "event": "request",
        "request_id": answer.headers["x-request-id"],
        "method": "POST",
        "path": "/search",
        "status": 200,
        "index_version": library.versions["default"],
        "hits": 2,
    }


def test_no_line_has_the_query(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    client = client_of(library)
    for body in (
        {"query": "unmistakable"},
        {"query": "unmistakable" * 300},
        {"query": "unmistakable", "k": 0},
    ):
        client.post("/search", json=body)
        client.post("/search/batch", json={"queries": [body, body]})
    client.get("/search?q=unmistakable")
    client.get("/search?q=unmistakable&filter=unmistakable")
    client.get("/suggest?q=unmistakable")
    client.post("/v1/embeddings", json={"input": "unmistakable"})
    out = capsys.readouterr().out
    logged = [json.loads(line) for line in out.splitlines()]
    assert [line["status"] for line in logged if line["event"] == "request"] == [
        200,
        200,
        422,
        422,
        422,
        422,
        200,
        422,
        200,
        200,
    ]
    assert "unmistakable" not in out


def test_a_setting_allows_queries(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    client = client_of(library, log_queries=True)
    client.post("/search", json={"query": 'a "quoted"\nline\u2028'})
    client.post("/search/batch", json={"queries": [{"query": "one"}, {"query": "two"}]})
    assert [line["queries"] for line in lines(capsys)] == [['a "quoted"\nline'], ["one", "two"]]


def test_lines_stay_whole(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    client_of(library).get('/documents/a%0A{"event": "forged"}%0D%22')
    [line] = lines(capsys)
    assert (line["event"], line["status"]) == ("request", 404)
    assert line["path"] == '/documents/a\n{"event": "forged"}\r"'


def test_refusals_have_a_line(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    client = client_of(library, max_body_bytes=10)
    answers = [
        client.get("/nope"),
        client.put("/search"),
        client.post("/search", json={"query": "too long"}),
    ]
    logged = lines(capsys)
    assert [line["status"] for line in logged] == [404, 405, 413]
    assert [line["request_id"] for line in logged] == [
        answer.headers["x-request-id"] for answer in answers
    ]
    assert all("total_ms" in line for line in logged)


def test_other_origins_are_shut_out_by_default(library: Library) -> None:
    client = client_of(library)
    assert ALLOWED not in client.get("/health", headers=ORIGIN).headers
    preflight = client.options(
        "/search", headers={**ORIGIN, "access-control-request-method": "POST"}
    )
    assert preflight.status_code == 405
    assert ALLOWED not in preflight.headers


def test_origins_that_are_let_in(library: Library) -> None:
    client = client_of(library, cors_origins="https://blog.example, https://shop.example")
    preflight = client.options(
        "/search",
        headers={
            **ORIGIN,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        },
    )
    assert (preflight.status_code, preflight.headers[ALLOWED]) == (200, "https://shop.example")
    assert "content-type" in preflight.headers["access-control-allow-headers"]
    for answer in (
        client.get("/search?q=tide", headers=ORIGIN),
        client.get("/search?q=", headers=ORIGIN),
    ):
        assert answer.headers[ALLOWED] == "https://shop.example"
        exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
        assert {"server-timing", "x-request-id", "x-index-version"} <= {*exposed}
    assert ALLOWED not in client.get("/health", headers={"origin": "https://evil.example"}).headers


def test_any_origin(library: Library) -> None:
    assert (
        client_of(library, cors_origins="*").get("/health", headers=ORIGIN).headers[ALLOWED] == "*"
    )
