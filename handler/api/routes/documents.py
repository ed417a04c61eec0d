"""Routes to documents: one by its id, several, all page by page, similar ones, a random one."""

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Query
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse, document_answer, similar_answer
from handler.api.routing import add_index_route
from handler.search.bounds import K, check_number
from handler.search.lookup import find
from handler.search.lucky import lucky
from handler.search.parameters import items
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of, trace_of

ById = Annotated[str, Query(alias="id", description="The id of a document.")]
Fields = Annotated[str, Query(description="Fields to return, separated by commas; all by default.")]


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""
    default_k = min(10, settings.max_k)

    def similar(
        request: HttpRequest, document_id: str, k: int = default_k, fields: Fields = ""
    ) -> JsonResponse:
        """Return the documents most similar to one, without that one."""
        check_number(k, "k", K, settings)
        service = load()
        index = index_of(request, service)
        answer = service.searcher.similar(index, [document_id], k)
        trace_of(request).seconds.update(answer.seconds)
        return JsonResponse(similar_answer(index, document_id, answer, items(fields), settings))

    def similar_by_id(
        request: HttpRequest, id_: ById, k: int = default_k, fields: Fields = ""
    ) -> JsonResponse:
        """Do the same as /documents/{document_id}/similar, for any id."""
        return similar(request, id_, k, fields)

    def document(request: HttpRequest, document_id: str, fields: Fields = "") -> JsonResponse:
        """Return a whole document."""
        index = index_of(request, load())
        found = index.document(find(index, document_id))
        return JsonResponse(document_answer(index, found, items(fields), settings))

    def draw(request: HttpRequest, fields: Fields = "") -> JsonResponse:
        """Return a random document."""
        index = index_of(request, load())
        shown = settings.max_text_chars
        return JsonResponse(document_answer(index, lucky(index), items(fields), settings, shown))

    one = "/documents/{document_id:path}"
    add_index_route(app, "GET", f"{one}/similar", "get_similar", similar)
    add_index_route(app, "GET", one, "get_document", document)
    add_index_route(app, "GET", "/similar", "get_similar_by_id", similar_by_id)
    add_index_route(app, "GET", "/random", "get_random", draw)
