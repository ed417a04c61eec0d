"""The Model Context Protocol over standard input and output: one message in each line."""

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import cache
from typing import BinaryIO
from uuid import uuid4

from pydantic_core import from_json, to_json

from handler.log import log
from handler.mcp.messages import INVALID_REQUEST, PARSE_ERROR, Json, RpcError, failure
from handler.mcp.server import McpServer
from handler.service import Service
from handler.settings import Settings
from handler.trace import Trace


def run(environment: Mapping[str, str]) -> None:
    """Answer until the input ends.

    Raises:
        QuerytowerError: model, store or index can't be used.
    """
    settings = Settings.from_mapping(environment)
    service = cache(lambda: Service.open(settings))
    output = sys.stdout.buffer
    # Whatever else writes to standard output would break the protocol: the log, for one.
    with redirect_stdout(sys.stderr):
        service().index()
        converse(McpServer(service), sys.stdin.buffer, output, settings.max_body_bytes)


def converse(server: McpServer, source: BinaryIO, sink: BinaryIO, max_bytes: int) -> None:
    """Answer each line of `source` that has a message, on `sink`; longer lines are refused."""
    while line := source.readline(max_bytes + 1):
        if len(line) > max_bytes and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = source.readline(max_bytes)
            error = RpcError(
                INVALID_REQUEST, f"a message may have {max_bytes} bytes (QUERYTOWER_MAX_BODY_BYTES)"
            )
            answer: Json | None = failure(None, error)
        elif not line.strip():
            continue
        else:
            answer = _answer(server, line)
        if answer is not None:
            sink.write(to_json(answer) + b"\n")
            sink.flush()


def _answer(server: McpServer, line: bytes) -> Json | None:
    try:
        message = from_json(line)
    except ValueError as cause:
        return failure(None, RpcError(PARSE_ERROR, f"the line is not JSON: {cause}"))
    trace = Trace(request_id=uuid4().hex)
    answer = server.answer(message, trace)
    log("mcp", request_id=trace.request_id, **trace.extra)
    return answer
