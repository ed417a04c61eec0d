"""Routes to single documents: /documents/{id}, /documents/{id}/similar, /random."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse, document_body, hit_body
from handler.search.bounds import K, check_number
from handler.search.lucky import lucky
from handler.search.searcher import find
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of, trace_of


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
        """Return a random document."""
        index = index_of(request, load())
        body = document_body(lucky(index), settings.max_text_chars)
        return JsonResponse(body | {"index_version": index.manifest.version})

    for prefix in ("", "/indexes/{name}"):
        app.add_api_route(
            f"{prefix}/documents/{{document_id:path}}/similar", similar, methods=["GET"]
        )
        app.add_api_route(f"{prefix}/documents/{{document_id:path}}", document, methods=["GET"])
        app.add_api_route(f"{prefix}/random", draw, methods=["GET"])
