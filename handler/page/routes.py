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

# What people open in a browser.
PAGES = ("/", "/docs")


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

    def sitemap(request: HttpRequest) -> Response:
        """Return the addresses of documents, for search engines."""
        return site().sitemap(request)

    def file(request: HttpRequest, digest: str, name: str) -> Response:
        """Return one of the page's files."""
        return site().file(request, digest, name)

    def docs(request: HttpRequest) -> Response:
        """Return the description of the API."""
        from handler.page.docs import docs

        return docs(request)

    workers: Workers = app.state.workers
    run = workers.run

    async def key(request: HttpRequest) -> Response:
        """Take the key that the form asks for."""
        from handler.page.key_form import enter

        return enter(request, await request.body(), settings.page_title, app.state.keys)

    if settings.api_keys:
        app.add_api_route("/key", key, methods=["POST"], include_in_schema=False)
    app.add_api_route("/docs", run(docs), methods=["GET"], include_in_schema=False)
    if settings.search_page:
        app.add_api_route("/", run(page), methods=["GET"], include_in_schema=False)
        if settings.page_sitemap and settings.page_url:
            app.add_api_route(
                "/sitemap.xml", run(sitemap), methods=["GET"], include_in_schema=False
            )
        app.add_api_route(
            "/web/{digest}/{name}", run(file), methods=["GET"], include_in_schema=False
        )


def ask_for_key(request: HttpRequest, *, settings: Settings) -> Response | None:
    """Return a form that asks for a key if a browser comes to a page without one, or else None."""
    reads_html = "text/html" in request.headers.get("accept", "")
    if request.url.path not in PAGES or not reads_html:
        return None
    from handler.page.key_form import form

    return form(request, settings.page_title)
