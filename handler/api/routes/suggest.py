"""GET /suggest: completions of what somebody types."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse
from handler.api.routing import add_index_route
from handler.search.bounds import K, check_number, check_text
from handler.search.completion import completions
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of

if TYPE_CHECKING:
    from handler.api.shapes import SuggestAnswer


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    def suggest(request: HttpRequest, q: str, k: int = min(8, settings.max_k)) -> JsonResponse:
        """Complete what somebody types to titles, names and frequent phrases of the corpus.

        Where no completion has all of the words, the last ones are completed.
        """
        check_number(k, "k", K, settings)
        typed = check_text(q, "q", settings)
        index = index_of(request, load())
        body: SuggestAnswer = {
            "query": typed,
            "index_version": index.manifest.version,
            "suggestions": [
                {"text": text, "kind": kind} for text, kind in completions(index, typed, k)
            ],
        }
        return JsonResponse(body)

    add_index_route(app, "GET", "/suggest", "suggest", suggest)
