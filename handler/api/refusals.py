"""Answers to what the framework refuses before a route sees it."""

from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match

from handler.problems import TOO_DEEP, problem
from handler.search.request import first_fault
from handler.trace import trace_of


async def invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer a request whose parameters or body have the wrong shape."""
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    first: dict[str, Any] = errors[0] if errors else {"type": "", "loc": (), "msg": "invalid"}
    request_id = trace_of(request).request_id
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", first["msg"])
        return problem(400, f"the body is not JSON: {reason}", request_id)
    if isinstance(first.get("input"), bytes):  # FastAPI parses nothing that isn't called JSON
        body_type = request.headers.get("content-type", "")
        return problem(415, f"the content type is {body_type!r}; send application/json", request_id)
    return problem(422, first_fault([first], skipped=1), request_id)


async def refused(request: Request, error: Exception) -> JSONResponse:
    """Answer a request to an unknown path, by an unknown method, or with an unreadable body."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    path = request.url.path
    detail = {
        400: _unreadable(error),
        403: "pages of other origins may not call this; name theirs in QUERYTOWER_CORS_ORIGINS",
        404: f"no resource at {path}; /docs lists what there is",
        405: f"{request.method} is not possible at {path}; /docs lists what is",
        413: "the body is larger than QUERYTOWER_MAX_BODY_BYTES allows; send less",
    }.get(status, "the request can't be answered")
    if status == 405:
        headers["Allow"] = ", ".join(_methods(request))
    return problem(status, detail, trace_of(request).request_id, headers)


def _unreadable(error: Exception) -> str:
    """Return why FastAPI could not read a body; it names the cause, but doesn't tell it apart."""
    if isinstance(error.__cause__, RecursionError):
        return TOO_DEEP
    if isinstance(error.__cause__, UnicodeDecodeError):
        return "the body is not UTF-8; send JSON in UTF-8"
    if isinstance(error.__cause__, ValueError):
        return "the body has a number of too many digits; send a smaller one"
    return "the request can't be read; send JSON in UTF-8"


def _methods(request: Request) -> list[str]:
    """Return the methods that are possible at the path of a request."""
    routes: list[BaseRoute] = request.app.routes
    found: set[str] = set()
    for route in routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found | ({"HEAD"} if "GET" in found else set()))
