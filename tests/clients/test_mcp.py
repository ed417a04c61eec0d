"""The official client of the Model Context Protocol, over HTTP and over standard input and output."""

import asyncio
import hashlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from handler.app import create_app
from handler.service import Service
from tests.library import BOOKS, Library
from tests.serving import serving

mcp = pytest.importorskip("mcp", reason="the clients are not installed; run: make clients")

T = TypeVar("T")
# How the client connects, and the revision that it then speaks.
MODES = {"legacy": "2025-11-25", "auto": "2026-07-28"}
IDS = {book["id"] for book in BOOKS}


def ask(server: Any, question: Callable[[Any], Awaitable[T]], mode: str = "auto") -> T:
    """Connect, ask, and disconnect."""

    async def run() -> T:
        async with mcp.Client(server, mode=mode, read_timeout_seconds=30) as client:
            return await question(client)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def program(library: Library) -> Any:
    """What a desktop client starts."""
    options = ["--store", str(library.store), "--model", str(library.model)]
    return mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "querytower", "mcp", *options]
    )


@pytest.fixture(params=["http", "stdio"])
def server(request: pytest.FixtureRequest, address: str, program: Any) -> Any:
    return f"{address}/mcp" if request.param == "http" else program


@pytest.mark.parametrize(
    ("kind", "mode"), [("http", "legacy"), ("http", "auto"), ("stdio", "auto")]
)
def test_an_agent_finds_and_reads(kind: str, mode: str, address: str, program: Any) -> None:
    async def question(client: Any) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {"search", "get_document", "similar", "list_indexes"} == set(tools)
        assert "genres" in tools["search"].input_schema["properties"]["filter"]["properties"]
        arguments = {"query": "a boat on the coast", "filter": {"genres": "mystery"}, "k": 2}
        found = await client.call_tool("search", arguments)
        hits = found.structured_content["hits"]
        assert {hit["id"] for hit in hits} == {"tides/1", "the-lighthouse"}
        read = await client.read_resource(hits[0]["uri"])
        assert hits[0]["passage"] in read.contents[0].text
        document = await client.call_tool("get_document", {"id": hits[0]["id"]})
        assert hits[0]["passage"] in document.structured_content["text"]
        similar = await client.call_tool("similar", {"id": "bare", "k": 5})
        assert {hit["id"] for hit in similar.structured_content["hits"]} == IDS - {"bare"}
        listed = await client.list_resources()
        assert {each.name for each in listed.resources} == IDS
        templates = await client.list_resource_templates()
        assert templates.resource_templates[0].uri_template.endswith("{?id}")
        assert (client.protocol_version, "search" in client.instructions) == (MODES[mode], True)

    ask(f"{address}/mcp" if kind == "http" else program, question, mode)


def test_an_agent_is_told_its_faults(server: Any) -> None:
    async def question(client: Any) -> None:
        wrong = await client.call_tool("search", {"query": "tide", "filter": {"colour": "red"}})
        assert wrong.is_error
        assert "'colour' is no field of this index" in wrong.content[0].text
        with pytest.raises(mcp.MCPError, match="no tool 'forget'"):
            await client.call_tool("forget", {})
        with pytest.raises(mcp.MCPError, match="no document with id 'none'"):
            await client.read_resource("querytower://documents/default?id=none")
        # The connection has survived.
        assert not (await client.call_tool("search", {"query": "tide"})).is_error

    ask(server, question)


@pytest.fixture(scope="module")
def locked(library: Library) -> Iterator[str]:
    settings = library.settings(api_keys=hashlib.sha256(b"open sesame").hexdigest())
    service = Service.open(settings)
    with serving(create_app(settings, lambda: service)) as port:
        yield f"http://127.0.0.1:{port}/mcp"


def test_the_same_keys_open_it(locked: str) -> None:
    from httpx2 import AsyncClient
    from mcp.client.streamable_http import streamable_http_client

    async def names(key: str) -> set[str]:
        async with AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http:
            transport = streamable_http_client(locked, http_client=http)
            async with mcp.Client(transport) as client:
                return {tool.name for tool in (await client.list_tools()).tools}

    assert "search" in asyncio.run(names("open sesame"))
    with pytest.raises(ExceptionGroup):
        asyncio.run(names("wrong"))
