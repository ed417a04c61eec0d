"""Routes that tell about the function: /health, /ready, /schema, /indexes."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse

from handler.answers import index_of
from handler.service import Service
from handler.settings import Settings


def router(_settings: Settings, load: Callable[[], Service]) -> APIRouter:
    """Return the routes; `load` returns the service."""
    routes = APIRouter(tags=["state"])

    async def health() -> JSONResponse:
        """Tell that the process is alive, whatever becomes of model and index."""
        return JSONResponse({"status": "ok"})

    async def ready(request: HttpRequest) -> JSONResponse:
        """Tell which index version and which model answer; 503 if there is none."""
        manifest = index_of(request, load()).manifest
        return JSONResponse(
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

    async def schema(request: HttpRequest) -> JSONResponse:
        """Return the metadata fields that can be filtered, counted and sorted by, with their types."""
        manifest = index_of(request, load()).manifest
        fields = {
            name: {"type": f.kind, "list": f.list, "documents": f.documents} for name, f in manifest.schema.items()
        }
        return JSONResponse({"index": manifest.name, "index_version": manifest.version, "fields": fields})

    async def indexes() -> JSONResponse:
        """Return the names of the indexes in the store."""
        return JSONResponse({"indexes": load().index_names()})

    routes.add_api_route("/health", health, methods=["GET"])
    routes.add_api_route("/indexes", indexes, methods=["GET"])
    for prefix in ("", "/indexes/{name}"):
        routes.add_api_route(f"{prefix}/ready", ready, methods=["GET"])
        routes.add_api_route(f"{prefix}/schema", schema, methods=["GET"])
    return routes
