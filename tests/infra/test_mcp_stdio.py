"""The protocol of agents in lines: what is answered, what isn't, and what is too long."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from handler.mcp.server import McpServer
from handler.service import Service
from infra.cli.mcp_stdio import converse
from tests.command_line import Run, expect_failure
from tests.library import Library

PING = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
MOST = 500


@pytest.fixture(scope="module")
def server(library: Library) -> McpServer:
    service = Service.open(library.settings())
    return McpServer(lambda: service)


def answers(server: McpServer, *lines: bytes) -> Iterator[Any]:
    sink = io.BytesIO()
    converse(server, io.BytesIO(b"\n".join(lines)), sink, MOST)
    yield from (json.loads(line) for line in sink.getvalue().splitlines())


def test_each_request_has_one_answer_in_order(server: McpServer) -> None:
    note = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    found = list(answers(server, PING, note, b"", b"  ", PING.replace(b'"id": 1', b'"id": "two"')))
    assert found == [
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"jsonrpc": "2.0", "id": "two", "result": {}},
    ]


def test_a_line_that_is_not_json_or_too_long_does_not_end_the_conversation(
    server: McpServer,
) -> None:
    long = b'"' + b"x" * 3 * MOST + b'"'
    exact = PING + b" " * (MOST - len(PING))
    found = list(answers(server, b"{", long, exact, PING))
    codes = [each.get("error", {}).get("code") for each in found]
    assert codes == [-32700, -32600, None, None]
    assert "QUERYTOWER_MAX_BODY_BYTES" in found[1]["error"]["message"]


def test_a_store_without_an_index_is_one_sentence(run: Run, library: Library) -> None:
    outcome = run("mcp", "--store", "nowhere", "--model", library.model)
    expect_failure(outcome, "nowhere")
