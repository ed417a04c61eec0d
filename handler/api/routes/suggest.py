"""GET /suggest: completions of what somebody types."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse
from handler.search.bounds import K, check_number, check_text
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    async def suggest(
        request: HttpRequest, q: str, k: int = min(8, settings.max_k)
    ) -> JsonResponse:
        """Complete what somebody types to titles, names and frequent phrases of the corpus."""
        check_number(k, "k", K, settings)
        typed = check_text(q, "q", settings)
        index = index_of(request, load())
        found = [{"text": text} for text in index.suggestions.complete(typed, k)]
        return JsonResponse(
            {"query": typed, "index_version": index.manifest.version, "suggestions": found}
        )

    for prefix in ("", "/indexes/{name}"):
        app.add_api_route(f"{prefix}/suggest", suggest, methods=["GET"])
