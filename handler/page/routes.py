"""The search page at /, its files below /web, and the description of the API at /docs."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from handler.service import Service
from handler.settings import Settings
from handler.workers import Workers

if TYPE_CHECKING:
    from handler.page.site import Site


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; without the search page if the settings don't want it.

    `load` returns the service.
    """

    @cache
    def site() -> "Site":
        from handler.page.site import Site

        return Site.open(settings, load)

    def page(request: HttpRequest) -> Response:
        """Return the page in the state that the URL asks for."""
        return site().page(request)

    def file(request: HttpRequest, digest: str, name: str) -> Response:
        """Return one of the page's files."""
        return site().file(request, digest, name)

    def docs(request: HttpRequest) -> Response:
        """Return the description of the API."""
        from handler.page.docs import docs

        return docs(request)

    workers: Workers = app.state.workers
    run = workers.run
    app.add_api_route("/docs", run(docs), methods=["GET"], include_in_schema=False)
    if settings.search_page:
        app.add_api_route("/", run(page), methods=["GET"], include_in_schema=False)
        app.add_api_route(
            "/web/{digest}/{name}", run(file), methods=["GET"], include_in_schema=False
        )
