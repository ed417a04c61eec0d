"""Around every request: an id, a key, a bounded body, errors as problems, timing headers, one line in the log."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handler.api.problems import classify, problem
from handler.log import log

NO_KEY = "this needs a key; send yours in the header X-Api-Key"


@dataclass(slots=True)
class Trace:
    """What becomes known of a request while it is answered."""

    request_id: str
    index_version: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


class RequestMiddleware:
    """Pure ASGI middleware: cheaper than Starlette's base class, which starts a task for each request."""

    def __init__(
        self, app: ASGIApp, max_body_bytes: int, may_pass: Callable[[str, Headers], bool]
    ) -> None:
        """Wrap `app`; `may_pass` tells of a path and headers whether the request is answered."""
        self._app = app
        self._may_pass = may_pass
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        trace = scope["trace"] = Trace(_request_id(scope))
        status = 0
        head_only = scope["method"] == "HEAD"
        # Whatever can be had can be asked for by HEAD, as monitors do.
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
            if self._may_pass(scope["path"], headers):
                await self._app(inner, self._bounded(headers, receive), send_with_headers)
            else:
                refusal = problem(
                    HTTPStatus.UNAUTHORIZED,
                    NO_KEY,
                    trace.request_id,
                    {"WWW-Authenticate": "Bearer"},
                )
                await refusal(scope, receive, send_with_headers)
        except Exception as error:
            if status:
                raise
            code, detail = classify(error)
            if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                trace.extra["problem"] = (
                    str(error) if code == HTTPStatus.SERVICE_UNAVAILABLE else traceback.format_exc()
                )
            await problem(code, detail, trace.request_id)(scope, receive, send_with_headers)
        finally:
            _log(scope, trace, status, time.perf_counter() - started)

    def _bounded(self, headers: Headers, receive: Receive) -> Receive:
        length = headers.get("content-length", "")
        announced = int(length) if length.isdecimal() else 0
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if max(announced, received) > self._max_body_bytes:
                # FastAPI lets this one pass; of any other exception it would make a 400.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        return bounded


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
    """Return `text` as the value of a header, where line ends and the like may not stand."""
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
