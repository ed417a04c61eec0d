"""Routes about the function itself: /health, /ready, /schema, /indexes."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of


def add_routes(app: FastAPI, _settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    async def health() -> JsonResponse:
        """Tell that the process is alive, whether or not model and index can be used."""
        return JsonResponse({"status": "ok"})

    async def ready(request: HttpRequest) -> JsonResponse:
        """Tell which index version and which model answer; 503 if none can."""
        manifest = index_of(request, load()).manifest
        return JsonResponse(
            {
                "status": "ready",
                "index": manifest.name,
                "index_version": manifest.version,
                "created": manifest.created,
                "documents": manifest.documents,
                "passages": manifest.passages,
                "model": manifest.model,
                "fingerprint": manifest.fingerprint,
            }
        )

    async def schema(request: HttpRequest) -> JsonResponse:
        """Return the metadata fields to filter, count and sort by, with their types."""
        manifest = index_of(request, load()).manifest
        fields = {
            name: {"type": field.kind, "list": field.list, "documents": field.documents}
            for name, field in manifest.schema.items()
        }
        return JsonResponse(
            {"index": manifest.name, "index_version": manifest.version, "fields": fields}
        )

    async def indexes() -> JsonResponse:
        """Return the names of the indexes in the store."""
        return JsonResponse({"indexes": load().index_names()})

    app.add_api_route("/health", health, methods=["GET"])
    app.add_api_route("/indexes", indexes, methods=["GET"])
    for prefix in ("", "/indexes/{name}"):
        app.add_api_route(f"{prefix}/ready", ready, methods=["GET"])
        app.add_api_route(f"{prefix}/schema", schema, methods=["GET"])
