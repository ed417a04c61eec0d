"""Routes to single documents: /documents/{id}, /documents/{id}/similar, /random."""

import random
from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse

from handler.answers import document_body, hit_body, index_of
from handler.corpus import Document
from handler.index import IndexVersion
from handler.requests import check_number
from handler.search import find
from handler.service import Service
from handler.settings import Settings

# A document that is worth showing has a title and says something; so many are drawn at most to find one.
DRAWS = 20
ENOUGH_CHARS = 80


def router(settings: Settings, load: Callable[[], Service]) -> APIRouter:
    """Return the routes; `load` returns the service."""
    routes = APIRouter(tags=["documents"])

    async def similar(request: HttpRequest, document_id: str, k: int = 10) -> JSONResponse:
        """Return the documents most like one, which itself is left out."""
        check_number(k, "k", 1, settings.max_k, "MAX_K")
        service = load()
        index = index_of(request, service)
        answer = service.searcher.similar(index, document_id, k)
        request.scope["trace"].seconds.update(answer.seconds)
        hits = [hit_body(hit, settings) for hit in answer.hits]
        return JSONResponse({"id": document_id, "index_version": index.manifest.version, "hits": hits})

    async def document(request: HttpRequest, document_id: str) -> JSONResponse:
        """Return a whole document."""
        index = index_of(request, load())
        found = index.document(find(index, document_id))
        return JSONResponse(document_body(found) | {"index_version": index.manifest.version})

    async def draw(request: HttpRequest) -> JSONResponse:
        """Return some document, for those who feel lucky."""
        index = index_of(request, load())
        body = document_body(_lucky(index), settings.max_text_chars)
        return JSONResponse(body | {"index_version": index.manifest.version})

    for prefix in ("", "/indexes/{name}"):
        routes.add_api_route(f"{prefix}/documents/{{document_id:path}}/similar", similar, methods=["GET"])
        routes.add_api_route(f"{prefix}/documents/{{document_id:path}}", document, methods=["GET"])
        routes.add_api_route(f"{prefix}/random", draw, methods=["GET"])
    return routes


def _lucky(index: IndexVersion) -> Document:
    for _ in range(DRAWS):
        document = index.document(random.randrange(index.manifest.documents))  # noqa: S311
        if document.title and len(document.text) >= ENOUGH_CHARS:
            break
    return document
