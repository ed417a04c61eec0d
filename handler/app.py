"""The FastAPI application: routes, middleware and errors, composed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from handler.api.middleware import RequestMiddleware
from handler.api.refusals import invalid, refused
from handler.api.routes import (
    documents,
    embeddings,
    events,
    rerank,
    search,
    several,
    state,
    suggest,
)
from handler.keys import Keys
from handler.mcp import routes as mcp
from handler.page import routes as page
from handler.service import Service
from handler.settings import Settings
from handler.workers import Workers


def create_app(
    settings: Settings, load: Callable[[], Service], *, threads: bool = False
) -> FastAPI:
    """Build the application; each request that needs the service calls `load`.

    With `threads`, requests are answered at the same time.

    Raises:
        SettingError: the keys of callers can't be used.
    """
    app = FastAPI(
        title="querytower",
        version="1",
        description="Semantic search as one small serverless function.",
        exception_handlers={RequestValidationError: invalid, HTTPException: refused},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # the redirect would lead to whatever host the request names
    )
    app.state.workers = Workers(threads=threads)
    app.state.keys = keys = Keys(settings.api_keys)
    app.openapi = partial(_describe, app, settings)  # type: ignore[method-assign]
    # No routers in between: each would be matched at every request.
    for routes in (
        search,
        documents,
        several,
        suggest,
        state,
        embeddings,
        events,
        rerank,
        mcp,
        page,
    ):
        routes.add_routes(app, settings, load)
    app.add_middleware(
        RequestMiddleware,
        settings=settings,
        keys=keys,
        ask_for_key=partial(page.ask_for_key, settings=settings),
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
