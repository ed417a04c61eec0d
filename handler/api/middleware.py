"""What every request gets: an id, a key check, a bounded body, problems, headers, a log line."""

import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from uuid import uuid4

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handler.log import log
from handler.problems import classify, problem
from handler.trace import Trace

NO_KEY = "this needs a key; send yours in the header X-Api-Key"


class RequestMiddleware:
    """Pure ASGI middleware: Starlette's base class starts a task for each request."""

    def __init__(
        self, app: ASGIApp, max_body_bytes: int, may_pass: Callable[[str, Headers], bool]
    ) -> None:
        """Wrap `app`; `may_pass` tells by path and headers whether a request is answered."""
        self._app = app
        self._may_pass = may_pass
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        trace = scope["trace"] = Trace(request_id=_request_id(scope))
        status = 0
        head_only = scope["method"] == "HEAD"
        # Every GET route also answers HEAD.
        inner = {**scope, "method": "GET"} if head_only else scope

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, trace, time.perf_counter() - started)
            elif head_only:
                message = {**message, "body": b""}
            await send(message)

        headers = Headers(scope=scope)
        try:
            if refusal := self._refusal(scope["path"], headers, trace):
                await refusal(scope, receive, send_with_headers)
            else:
                await self._app(inner, self._bounded(headers, receive), send_with_headers)
        except Exception as error:
            if status:
                raise
            await _failure(error, trace)(scope, receive, send_with_headers)
        finally:
            _log(scope, trace, status, time.perf_counter() - started)

    def _refusal(self, path: str, headers: Headers, trace: Trace) -> Response | None:
        """Return the answer to a request that no route gets to see."""
        if not self._may_pass(path, headers):
            challenge = {"WWW-Authenticate": "Bearer"}
            return problem(HTTPStatus.UNAUTHORIZED, NO_KEY, trace.request_id, challenge)
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            detail = f"the Content-Length is {length!r}; send the number of the body's bytes"
            return problem(HTTPStatus.BAD_REQUEST, detail, trace.request_id)
        return None

    def _bounded(self, headers: Headers, receive: Receive) -> Receive:
        announced = int(headers.get("content-length", "0"))
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if max(announced, received) > self._max_body_bytes:
                # FastAPI turns any other exception into a 400.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        return bounded


def _failure(error: Exception, trace: Trace) -> Response:
    """Return the answer for `error`; the log gets what callers aren't told."""
    status, detail = classify(error)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        trace.extra["problem"] = str(error)
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        trace.extra["problem"] = traceback.format_exc()
    return problem(status, detail, trace.request_id)


def _request_id(scope: Scope) -> str:
    """Return API Gateway's id of the request, or the function's, or a new one."""
    event = scope.get("aws.event") or {}
    context = scope.get("aws.context")
    return str(
        event.get("requestContext", {}).get("requestId")
        or getattr(context, "aws_request_id", "")
        or uuid4().hex
    )


def _add_headers(message: Message, trace: Trace, total: float) -> None:
    stages = {**trace.seconds, "total": total}
    timing = ", ".join(f"{name};dur={1000 * seconds:.2f}" for name, seconds in stages.items())
    headers = [
        *message["headers"],
        (b"server-timing", timing.encode()),
        (b"x-request-id", _header(trace.request_id)),
    ]
    if trace.index_version:
        headers.append((b"x-index-version", trace.index_version.encode()))
    message["headers"] = headers


def _header(text: str) -> bytes:
    """Return `text` without what the value of a header can't have, such as line ends."""
    return "".join(character for character in text if " " < character < "\x7f").encode()


def _log(scope: Scope, trace: Trace, status: int, total: float) -> None:
    stages = {
        f"{name}_ms": round(1000 * seconds, 2)
        for name, seconds in {**trace.seconds, "total": total}.items()
    }
    log(
        "request",
        request_id=trace.request_id,
        method=scope["method"],
        path=scope["path"],
        status=status,
        index_version=trace.index_version,
        **stages,
        **trace.extra,
    )
