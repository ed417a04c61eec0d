"""Routes about the function itself: /health, /ready, /schema, /indexes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse
from handler.api.routing import add_index_route, add_route
from handler.search.places import place_fields
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of

if TYPE_CHECKING:
    from handler.api.shapes import (
        FetchedBody,
        HealthAnswer,
        IndexesAnswer,
        ReadyAnswer,
        SchemaAnswer,
    )


def add_routes(app: FastAPI, _settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    async def health() -> JsonResponse:
        """Tell that the process is alive, whether or not model and index can be used."""
        body: HealthAnswer = {"status": "ok"}
        return JsonResponse(body)

    def ready(request: HttpRequest) -> JsonResponse:
        """Tell which index version and which model answer; 503 if none can."""
        service = load()
        manifest = index_of(request, service).manifest
        body: ReadyAnswer = {
            "status": "ready",
            "index": manifest.name,
            "index_version": manifest.version,
            "created": manifest.created,
            "documents": manifest.documents,
            "passages": manifest.passages,
            "model": manifest.model,
            "fingerprint": manifest.fingerprint,
            "fetched": cast("FetchedBody", service.live(manifest.name).traffic.shown()),
        }
        return JsonResponse(body)

    def schema(request: HttpRequest) -> JsonResponse:
        """Return the metadata fields to filter, count and sort by, with their types."""
        index = index_of(request, load())
        manifest = index.manifest
        body: SchemaAnswer = {
            "index": manifest.name,
            "index_version": manifest.version,
            "fields": {
                name: {"type": field.kind, "list": field.list, "documents": field.documents}
                for name, field in manifest.schema.items()
            },
            "places": {
                name: [place.latitude, place.longitude]
                for name, place in place_fields(manifest.schema).items()
            },
            "served_by": manifest.served.get("by", "function"),
            "facets_of": index.facets_of,
        }
        return JsonResponse(body)

    def indexes() -> JsonResponse:
        """Return the names of the indexes in the store."""
        body: IndexesAnswer = {"indexes": load().index_names()}
        return JsonResponse(body)

    add_route(app, "GET", "/health", "get_health", health)
    add_route(app, "GET", "/indexes", "list_indexes", indexes)
    add_index_route(app, "GET", "/ready", "get_ready", ready)
    add_index_route(app, "GET", "/schema", "get_schema", schema)
