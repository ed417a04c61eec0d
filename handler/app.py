"""The FastAPI application: routes, middleware and errors, composed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse

from handler.api.keys import key_check
from handler.api.middleware import RequestMiddleware
from handler.api.routes import documents, embeddings, search, state, suggest
from handler.page import routes as page
from handler.problems import problem
from handler.search.request import first_fault
from handler.service import Service
from handler.settings import Settings


def create_app(settings: Settings, load: Callable[[], Service]) -> FastAPI:
    """Build the application; each request that needs the service calls `load`.

    Raises:
        SettingError: the keys of callers can't be used.
    """
    app = FastAPI(
        title="querytower",
        version="1",
        description="Semantic search as one small serverless function.",
        exception_handlers={RequestValidationError: _invalid, HTTPException: _http_error},
    )
    app.openapi = partial(_describe, app, settings)  # type: ignore[method-assign]
    # No routers in between: each would be matched at every request.
    for routes in (search, documents, suggest, state, embeddings, page):
        routes.add_routes(app, settings, load)
    app.add_middleware(
        RequestMiddleware,
        max_body_bytes=settings.max_body_bytes,
        may_pass=key_check(settings.api_keys),
    )
    if settings.cors_origins:
        origins = [origin.strip() for origin in settings.cors_origins.split(",")]
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["*"],
            expose_headers=["Server-Timing", "X-Index-Version", "X-Request-Id"],
        )
    return app


def _describe(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """Return the OpenAPI document, which is made at the first request for it."""
    if app.openapi_schema is None:
        from handler.api.openapi import describe

        app.openapi_schema = describe(app, settings)
    return app.openapi_schema


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer a request whose parameters or body have the wrong shape."""
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    first: dict[str, Any] = errors[0] if errors else {"type": "", "loc": (), "msg": "invalid"}
    request_id = request.scope["trace"].request_id
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", first["msg"])
        return problem(400, f"the body is not JSON: {reason}", request_id)
    if isinstance(first.get("input"), bytes):  # FastAPI parses nothing that isn't called JSON
        body_type = request.headers.get("content-type", "")
        return problem(415, f"the content type is {body_type!r}; send application/json", request_id)
    return problem(422, first_fault([first], skipped=1), request_id)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses: unknown paths and methods, and unreadable bodies."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = {
        400: "the request can't be read; send JSON in UTF-8",
        404: f"no resource at {request.url.path}; /docs lists what there is",
        413: "the body is larger than QUERYTOWER_MAX_BODY_BYTES allows; send less",
        405: f"{request.method} is not possible at {request.url.path}; /docs lists what is",
    }
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else None
    return problem(
        status,
        detail.get(status, "the request can't be answered"),
        request.scope["trace"].request_id,
        headers,
    )
