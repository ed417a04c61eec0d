"""The search page at /, and its files below /web."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from handler.service import Service
from handler.settings import Settings

if TYPE_CHECKING:
    from handler.page.site import Site


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`, unless the settings want no page; `load` returns the service."""
    if not settings.search_page:
        return

    @cache
    def site() -> "Site":
        from handler.page.site import Site

        return Site.open(settings, load)

    async def page(request: HttpRequest) -> Response:
        """Return the page in the state that the URL asks for."""
        return site().page(request)

    async def file(request: HttpRequest, digest: str, name: str) -> Response:
        """Return one of the page's files."""
        return site().file(request, digest, name)

    app.add_api_route("/", page, methods=["GET"], include_in_schema=False)
    app.add_api_route("/web/{digest}/{name}", file, methods=["GET"], include_in_schema=False)
