"""The Model Context Protocol as messages: revisions, faults, bounds. tests/clients has real clients."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.service import Service
from tests.library import BOOKS, Library

STATELESS_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[TestClient]:
    settings = library.settings(max_k=20, max_body_bytes=10_000)
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service), raise_server_exceptions=False) as client:
        yield client


def send(client: TestClient, method: str, headers: Any = None, **params: Any) -> Any:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return client.post("/mcp", json=message, headers=headers)


def result(client: TestClient, method: str, **params: Any) -> Any:
    answer = send(client, method, **params)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["jsonrpc"], body["id"]) == ("2.0", 1)
    assert "error" not in body
    return body["result"]


def call(client: TestClient, name: str, **arguments: Any) -> Any:
    found = result(client, "tools/call", name=name, arguments=arguments)
    assert not found.get("isError"), found
    assert json.loads(found["content"][0]["text"]) == found["structuredContent"]
    return found["structuredContent"]


def told(client: TestClient, name: str, **arguments: Any) -> str:
    """Call a tool with a fault, and return what the agent is told."""
    found = result(client, "tools/call", name=name, arguments=arguments)
    assert found["isError"] is True
    return str(found["content"][0]["text"])


@pytest.mark.parametrize(
    ("wanted", "given"),
    [("2024-11-05", "2024-11-05"), ("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25")],
)
def test_the_handshake_settles_a_revision(client: TestClient, wanted: str, given: str) -> None:
    found = result(client, "initialize", protocolVersion=wanted, capabilities={}, clientInfo={})
    assert found["protocolVersion"] == given
    assert found["capabilities"].keys() == {"tools", "resources"}
    note = client.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (note.status_code, note.content) == (202, b"")


def test_a_filter_is_described_in_the_words_of_the_index(client: TestClient) -> None:
    tools = {tool["name"]: tool for tool in result(client, "tools/list")["tools"]}
    assert tools.keys() == {"search", "get_document", "similar", "list_indexes"}
    properties = tools["search"]["inputSchema"]["properties"]
    assert properties["k"]["maximum"] == 20
    fields = properties["filter"]["properties"]
    assert fields["year"]["anyOf"] == [{"type": "integer"}, {"type": "object"}]
    assert fields["published"]["description"].startswith("a date such as")
    assert "mystery" in fields["genres"]["description"]
    assert "several" in fields["genres"]["description"]
    assert set(fields) == {name for book in BOOKS for name in book} - {"id", "title", "text", "url"}


def test_search_filters_and_counts(client: TestClient) -> None:
    found = call(client, "search", query="mystery", filter={"year": {"$lt": 1991}}, k=3)
    expected = client.post("/search", json={"query": "mystery", "filter": {"year": {"$lt": 1991}}})
    assert [hit["id"] for hit in found["hits"]] == [hit["id"] for hit in expected.json()["hits"]]
    assert {hit["metadata"]["year"] for hit in found["hits"]} == {1969, 1990}
    assert call(client, "search", query="boat", index="films")["index"] == "films"
    assert len(call(client, "search", query="mystery")["hits"]) == 5


def test_a_hit_leads_to_its_document(client: TestClient) -> None:
    for hit in call(client, "search", query="anything", k=20)["hits"]:
        document = call(client, "get_document", id=hit["id"])
        assert hit["passage"] in document["text"]
        [content] = result(client, "resources/read", uri=hit["uri"])["contents"]
        assert document["text"] in content["text"]
        assert document["title"] in content["text"]
        similar = call(client, "similar", id=hit["id"], k=20)["hits"]
        assert {each["id"] for each in similar} == {book["id"] for book in BOOKS} - {hit["id"]}


def test_a_long_text_is_read_in_pieces(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handler.mcp.tools.DOCUMENT_CHARS", 1000)
    text, characters = "", 1
    while len(text) < characters:
        piece = call(client, "get_document", id="the-lighthouse", start=len(text))
        text, characters = text + piece["text"], piece["characters"]
    assert text == BOOKS[1]["text"]


def test_documents_are_listed_in_pages(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handler.mcp.resources.PAGE", 4)
    first = result(client, "resources/list")
    second = result(client, "resources/list", cursor=first["nextCursor"])
    assert "nextCursor" not in second
    names = [each["name"] for each in first["resources"] + second["resources"]]
    assert sorted(names) == sorted(book["id"] for book in BOOKS)
    assert result(client, "resources/list", cursor="99")["resources"] == []


def test_indexes_and_their_fields(client: TestClient) -> None:
    found = call(client, "list_indexes")
    assert found["default"] == "default"
    films = next(each for each in found["indexes"] if each["name"] == "films")
    assert films == {"name": "films", "documents": 1, "fields": {"minutes": "integer"}}


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("search", {"query": 7}, "query: Input should be a valid string"),
        ("search", {"query": "tide", "k": 1000}, "k is 1000; it may be 1 to 20"),
        ("search", {"query": "tide", "filter": {"colour": "red"}}, "'colour' is no field"),
        ("search", {"query": "tide", "limit": 3}, "'limit' is no argument of search"),
        ("search", {"query": "tide", "index": "poems"}, "there is no index 'poems'"),
        ("search", {"query": "tide", "index": 7}, "index is 7; send a text"),
        ("get_document", {"id": "none"}, "no document with id 'none'"),
        ("get_document", {"id": "bare", "start": -1}, "start is -1"),
        ("get_document", {}, "id is None; send a text"),
        ("similar", {"id": "bare", "k": "2"}, "k is '2'; send a whole number"),
    ],
)
def test_an_agent_is_told_its_faults(
    client: TestClient, name: str, arguments: Any, sentence: str
) -> None:
    assert sentence in told(client, name, **arguments)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, -32700),
        (b'"\xff"', 400, -32700),
        (b"[" * 9000, 400, -32700),
        (b"[]", 400, -32600),
        (b'{"id": 1, "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "prompts/list"}', 200, -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": []}', 200, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": [1]}', 200, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "no"}}', 200, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///etc/passwd"}}', 200, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "querytower://documents/default?id=no"}}', 200, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "resources/list", "params": {"cursor": "x"}}', 200, -32602),
    ],
)  # fmt: skip
def test_faulty_messages(client: TestClient, body: bytes, status: int, code: int) -> None:
    answer = client.post("/mcp", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "Traceback" not in answer.text


def test_a_revision_without_a_handshake(client: TestClient) -> None:
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
    answer = send(client, "tools/list", headers, _meta=STATELESS_META).json()["result"]
    assert (answer["resultType"], answer["cacheScope"]) == ("complete", "private")
    mismatch = send(client, "tools/list", headers | {"Mcp-Method": "ping"}, _meta=STATELESS_META)
    assert (mismatch.status_code, mismatch.json()["error"]["code"]) == (400, -32020)
    newer = STATELESS_META | {"io.modelcontextprotocol/protocolVersion": "2030-01-01"}
    headers |= {"MCP-Protocol-Version": "2030-01-01"}
    refused = send(client, "tools/list", headers, _meta=newer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32022)
    assert "2026-07-28" in refused.json()["error"]["data"]["supported"]
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "no/such"}
    assert send(client, "no/such", headers, _meta=STATELESS_META).status_code == 404


def test_an_unknown_revision_in_the_header(client: TestClient) -> None:
    answer = send(client, "ping", {"MCP-Protocol-Version": "1999-01-01"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32022)


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost:6274", 200), ("https://agent.example", 200), ("http://evil.example", 403),
     ("http://localhost.evil.example", 403)],
)  # fmt: skip
def test_pages_of_other_origins_are_refused(library: Library, origin: str, status: int) -> None:
    settings = library.settings(cors_origins="https://agent.example")
    service = Service.open(settings)
    client = TestClient(create_app(settings, lambda: service))
    assert send(client, "ping", {"origin": origin}).status_code == status


def test_only_post_is_possible(client: TestClient) -> None:
    for method in ("GET", "DELETE"):
        answer = client.request(method, "/mcp")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert client.post("/mcp", content=b" " * 20_000).status_code == 413


def test_what_fails_inside_is_not_told(library: Library) -> None:
    settings = library.settings(store=str(library.store / "none"))
    service = Service.open(settings)
    client = TestClient(create_app(settings, lambda: service))
    assert "the log says why" in told(client, "search", query="tide")
    answer = send(client, "tools/list").json()["error"]
    assert (answer["code"], "none" in answer["message"]) == (-32603, False)


def test_an_answer_that_lambda_could_not_send(library: Library) -> None:
    settings = library.settings(max_answer_bytes=3000)
    service = Service.open(settings)
    client = TestClient(create_app(settings, lambda: service))
    answer = send(client, "tools/call", name="get_document", arguments={"id": "the-lighthouse"})
    assert answer.json()["id"] == 1
    assert "3000 at most; ask for fewer hits" in answer.json()["error"]["message"]
    assert call(client, "search", query="note", k=1, mode="keyword")["hits"][0]["id"] == "bare"
