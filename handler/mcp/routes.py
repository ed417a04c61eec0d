"""POST /mcp: the protocol over streamable HTTP, without sessions, so that any sandbox answers."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from handler.service import Service
from handler.settings import Settings
from handler.trace import trace_of
from handler.workers import Workers

ADVICE = "ask for fewer hits, or read a document in pieces with get_document"
LOCAL = ("http://localhost", "http://127.0.0.1", "http://[::1]")


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the route to `app`; `load` returns the service."""
    workers: Workers = app.state.workers
    answer = workers.run(_answer)
    allowed = {origin.strip() for origin in settings.cors_origins.split(",")}

    async def post(request: Request) -> Response:
        """Answer one message."""
        origin = request.headers.get("origin")
        if origin is not None and not _may_call(origin, allowed):
            # A page that somebody opened must not reach a server on their machine.
            raise HTTPException(HTTPStatus.FORBIDDEN)
        body = await request.body()
        found: Response = await answer(load, body, request, settings.max_answer_bytes)
        return found

    app.add_route("/mcp", post, methods=["POST"], include_in_schema=False)


def _may_call(origin: str, allowed: set[str]) -> bool:
    local = any(origin == each or origin.startswith(f"{each}:") for each in LOCAL)
    return local or origin in allowed or "*" in allowed


def _answer(load: Callable[[], Service], body: bytes, request: Request, max_bytes: int) -> Response:
    # Imported by the first agent, as no other request needs it.
    from handler.mcp.messages import INTERNAL_ERROR, PARSE_ERROR, RpcError, failure
    from handler.mcp.server import McpServer
    from handler.mcp.versions import check_headers

    try:
        message = _parse(body)
    except ValueError as cause:
        return _response(failure(None, RpcError(PARSE_ERROR, f"the body is not JSON: {cause}")))
    if isinstance(message, dict):
        try:
            check_headers(message, request.headers)
        except RpcError as error:
            return _response(failure(message.get("id"), error))
    answer = McpServer(load).answer(message, trace_of(request))
    if answer is None:
        return Response(status_code=HTTPStatus.ACCEPTED)
    response = _response(answer, message)
    if len(response.body) <= max_bytes:
        return response
    # Lambda could not send it.
    problem = f"the answer has {len(response.body)} bytes, {max_bytes} at most; {ADVICE}"
    return _response(failure(message["id"], RpcError(INTERNAL_ERROR, problem)), message)


def _parse(body: bytes) -> Any:
    from pydantic_core import from_json

    return from_json(body)


def _response(answer: dict[str, Any], message: Any = None) -> JSONResponse:
    """Return the HTTP answer; clients with a handshake expect 200 for errors of a request."""
    from handler.mcp.messages import INVALID_REQUEST, STATUSES
    from handler.mcp.versions import is_stateless

    code = answer["error"]["code"] if "error" in answer else 0
    handshake = isinstance(message, dict) and not is_stateless(message)
    if handshake and code != INVALID_REQUEST:
        return JSONResponse(answer)
    return JSONResponse(answer, STATUSES.get(code, HTTPStatus.OK))
