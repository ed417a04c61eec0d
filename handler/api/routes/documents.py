"""Routes to single documents: /documents/{id}, /documents/{id}/similar, /random."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse, document_answer, hit_body
from handler.api.routing import add_index_route
from handler.search.bounds import K, check_number
from handler.search.lucky import lucky
from handler.search.searcher import find
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of, trace_of

if TYPE_CHECKING:
    from handler.api.shapes import SimilarAnswer


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    async def similar(
        request: HttpRequest, document_id: str, k: int = min(10, settings.max_k)
    ) -> JsonResponse:
        """Return the documents most similar to one, without that one."""
        check_number(k, "k", K, settings)
        service = load()
        index = index_of(request, service)
        answer = service.searcher.similar(index, document_id, k)
        trace_of(request).seconds.update(answer.seconds)
        body: SimilarAnswer = {
            "id": document_id,
            "index_version": index.manifest.version,
            "hits": [hit_body(hit, settings) for hit in answer.hits],
        }
        return JsonResponse(body)

    async def document(request: HttpRequest, document_id: str) -> JsonResponse:
        """Return a whole document."""
        index = index_of(request, load())
        return JsonResponse(document_answer(index, index.document(find(index, document_id))))

    async def draw(request: HttpRequest) -> JsonResponse:
        """Return a random document."""
        index = index_of(request, load())
        return JsonResponse(document_answer(index, lucky(index), settings.max_text_chars))

    one = "/documents/{document_id:path}"
    add_index_route(app, "GET", f"{one}/similar", "get_similar", similar)
    add_index_route(app, "GET", one, "get_document", document)
    add_index_route(app, "GET", "/random", "get_random", draw)
