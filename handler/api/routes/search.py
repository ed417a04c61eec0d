"""Routes that search: /search, /search/batch, /indexes/{name}/search."""

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Query
from starlette.requests import Request as HttpRequest

from handler.api.answers import Json, JsonResponse, index_of, search_answer
from handler.api.requests import BatchBody, SearchBody, check_number, filter_from_parameters
from handler.index.index_version import IndexVersion
from handler.search.ranking import Mode
from handler.service import Service
from handler.settings import Settings

RESERVED = ("q", "k", "offset", "mode", "sort", "facets", "explain", "highlight")


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    def answer(request: HttpRequest, index: IndexVersion, bodies: list[SearchBody]) -> list[Json]:
        requests = [body.request(settings) for body in bodies]
        trace = request.scope["trace"]
        trace.index_version = index.manifest.version
        found = [load().searcher.search(index, item) for item in requests]
        for name in ("encode", "search"):
            trace.seconds[name] = sum(each.seconds[name] for each in found)
        trace.extra["hits"] = sum(len(each.hits) for each in found)
        if settings.log_queries:
            trace.extra["queries"] = [item.text for item in requests]
        return [
            search_answer(index, item, each, settings)
            for item, each in zip(requests, found, strict=True)
        ]

    async def post(request: HttpRequest, body: SearchBody) -> JsonResponse:
        """Search; the body holds the query and what else is wished."""
        return JsonResponse(answer(request, index_of(request, load()), [body])[0])

    async def get(
        request: HttpRequest,
        q: str,
        k: int = min(10, settings.max_k),
        offset: int = 0,
        mode: Mode = "hybrid",
        sort: str = "",
        facets: Annotated[str, Query(description="metadata fields, separated by commas")] = "",
        explain: bool = False,
        highlight: bool = False,
    ) -> JsonResponse:
        """Search; any other parameter is a filter by metadata: `genres=mystery`, `year>=1990`, or `filter={…}`."""
        index = index_of(request, load())
        others = [
            (key, value) for key, value in request.query_params.multi_items() if key not in RESERVED
        ]
        body = SearchBody(
            query=q,
            k=k,
            offset=offset,
            mode=mode,
            filter=filter_from_parameters(others, index.manifest.schema),
            sort=sort,
            facets=[facet.strip() for facet in facets.split(",")] if facets else [],
            explain=explain,
            highlight=highlight,
        )
        return JsonResponse(answer(request, index, [body])[0])

    async def batch(request: HttpRequest, body: BatchBody) -> JsonResponse:
        """Answer several searches from one version of the index, in their order."""
        check_number(len(body.queries), "the number of queries", 1, settings.max_batch, "MAX_BATCH")
        index = index_of(request, load())
        return JsonResponse(
            {
                "index_version": index.manifest.version,
                "results": answer(request, index, body.queries),
            }
        )

    for prefix in ("", "/indexes/{name}"):
        app.add_api_route(f"{prefix}/search", post, methods=["POST"])
        app.add_api_route(f"{prefix}/search", get, methods=["GET"])
        app.add_api_route(f"{prefix}/search/batch", batch, methods=["POST"])
