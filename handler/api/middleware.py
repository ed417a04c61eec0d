"""What every request gets: an id, a key check, bounds, problems, headers, a log line."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from uuid import uuid4

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handler.api.answer_size import payload_bytes, surely_fits, too_large
from handler.keys import Keys
from handler.log import log
from handler.problems import classify, problem
from handler.settings import Settings
from handler.trace import Trace

NO_KEY = "this needs a key; send yours in the header X-Api-Key"


@dataclass(slots=True)
class WholeAnswer:
    """An answer, collected while the application sends it. Lambda takes no answer in parts."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def collect(self, message: Message) -> None:
        """Take a message of the application."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], [*message.get("headers", [])]
        else:
            self.body += message.get("body", b"")


class RequestMiddleware:
    """Pure ASGI middleware: Starlette's base class starts a task for each request."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        keys: Keys,
        ask_for_key: Callable[[Request], Response | None],
    ) -> None:
        """Wrap `app`; `ask_for_key` may answer a request without a key in another way than JSON."""
        self._app = app
        self._settings = settings
        self._keys = keys
        self._ask_for_key = ask_for_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        trace = scope["trace"] = Trace(request_id=_request_id(scope))
        head_only = scope["method"] == "HEAD"
        # Every GET route also answers HEAD.
        inner = {**scope, "method": "GET"} if head_only else scope
        answer = WholeAnswer()
        try:
            answer = await self._answer(inner, receive, trace)
            total = time.perf_counter() - started
            headers = [*answer.headers, *_headers(trace, total)]
            if self._keys.guard(scope["path"]):
                headers = _for_one_caller(headers)
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            body = b"" if head_only else answer.body
            await send({"type": "http.response.body", "body": body})
        finally:
            _log(scope, trace, answer.status, time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, trace: Trace) -> WholeAnswer:
        """Return the application's answer, or the problem that takes its place."""
        answer = WholeAnswer()
        headers = Headers(scope=scope)
        try:
            if refusal := self._refusal(scope, headers, trace):
                await refusal(scope, receive, answer.collect)
            else:
                await self._app(scope, self._bounded(headers, receive), answer.collect)
            self._check_size(answer)
        except Exception as error:
            answer = WholeAnswer()
            await _failure(error, trace)(scope, receive, answer.collect)
        return answer

    def _check_size(self, answer: WholeAnswer) -> None:
        """Raise AnswerTooLarge if Lambda could not send `answer`."""
        most = self._settings.max_answer_bytes
        if surely_fits(answer.body, most):
            return
        if payload_bytes(answer.body, answer.headers) > most:
            raise too_large()

    def _refusal(self, scope: Scope, headers: Headers, trace: Trace) -> Response | None:
        """Return the answer to a request that no route gets to see."""
        if not self._keys.may_pass(scope["path"], headers):
            challenge = {"WWW-Authenticate": "Bearer"}
            refused = problem(HTTPStatus.UNAUTHORIZED, NO_KEY, trace.request_id, challenge)
            return self._ask_for_key(Request(scope)) or refused
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            detail = f"the Content-Length is {length!r}; send the number of the body's bytes"
            return problem(HTTPStatus.BAD_REQUEST, detail, trace.request_id)
        return None

    def _bounded(self, headers: Headers, receive: Receive) -> Receive:
        # Python converts no number of thousands of digits.
        announced = int(headers.get("content-length", "0")[:18])
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if max(announced, received) > self._settings.max_body_bytes:
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


def _headers(trace: Trace, total: float) -> list[tuple[bytes, bytes]]:
    """Return the headers that every answer gets."""
    stages = {**trace.seconds, "total": total}
    timing = ", ".join(f"{name};dur={1000 * seconds:.2f}" for name, seconds in stages.items())
    headers = [
        (b"server-timing", timing.encode()),
        (b"x-request-id", _header(trace.request_id)),
    ]
    if trace.index_version:
        headers.append((b"x-index-version", trace.index_version.encode()))
    return headers


def _for_one_caller(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer that needs a key, so that no cache gives it to others."""
    given = MutableHeaders(raw=headers)
    caching = given.get("cache-control", "")
    if "no-store" not in caching:
        given["cache-control"] = f"private, {caching}".rstrip(", ").replace(" public,", "")
    given.add_vary_header("X-Api-Key, Authorization, Cookie")
    return given.raw


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
