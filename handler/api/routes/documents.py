"""Routes to single documents: /documents/{id}, /documents/{id}/similar, /random."""

import random
from collections.abc import Callable

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse, document_body, hit_body, index_of
from handler.api.requests import check_number
from handler.corpus.document import Document
from handler.index.index_version import IndexVersion
from handler.search.searcher import find
from handler.service import Service
from handler.settings import Settings

# A document that is worth showing has a title and says something; so many are drawn at most to find one.
DRAWS = 20
ENOUGH_CHARS = 80


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    async def similar(
        request: HttpRequest, document_id: str, k: int = min(10, settings.max_k)
    ) -> JsonResponse:
        """Return the documents most like one, which itself is left out."""
        check_number(k, "k", 1, settings.max_k, "MAX_K")
        service = load()
        index = index_of(request, service)
        answer = service.searcher.similar(index, document_id, k)
        request.scope["trace"].seconds.update(answer.seconds)
        hits = [hit_body(hit, settings) for hit in answer.hits]
        return JsonResponse(
            {"id": document_id, "index_version": index.manifest.version, "hits": hits}
        )

    async def document(request: HttpRequest, document_id: str) -> JsonResponse:
        """Return a whole document."""
        index = index_of(request, load())
        found = index.document(find(index, document_id))
        return JsonResponse(document_body(found) | {"index_version": index.manifest.version})

    async def draw(request: HttpRequest) -> JsonResponse:
        """Return some document, for those who feel lucky."""
        index = index_of(request, load())
        body = document_body(lucky(index), settings.max_text_chars)
        return JsonResponse(body | {"index_version": index.manifest.version})

    for prefix in ("", "/indexes/{name}"):
        app.add_api_route(
            f"{prefix}/documents/{{document_id:path}}/similar", similar, methods=["GET"]
        )
        app.add_api_route(f"{prefix}/documents/{{document_id:path}}", document, methods=["GET"])
        app.add_api_route(f"{prefix}/random", draw, methods=["GET"])


def lucky(index: IndexVersion) -> Document:
    """Return some document, one that has a title and says something if that can be drawn."""
    for _ in range(DRAWS):
        document = index.document(random.randrange(index.manifest.documents))  # noqa: S311
        if document.title and len(document.text) >= ENOUGH_CHARS:
            break
    return document
