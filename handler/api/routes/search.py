"""Routes that search: /search, /search/batch, and the same for a named index."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse, search_answer
from handler.api.requests import BatchRequest
from handler.api.routing import add_index_route
from handler.index.index_version import IndexVersion
from handler.search.bounds import BATCH, check_number
from handler.search.parameters import filter_from_parameters, options_from_parameters
from handler.search.request import SearchRequest
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of, trace_of

if TYPE_CHECKING:
    from handler.api.shapes import BatchAnswer, SearchAnswer


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    def answer(
        request: HttpRequest, index: IndexVersion, searches: list[SearchRequest]
    ) -> "list[SearchAnswer]":
        searches = [each.within(settings) for each in searches]
        searcher = load().searcher
        found = [searcher.search(index, each) for each in searches]
        trace = trace_of(request)
        for name in ("encode", "search"):
            trace.seconds[name] = sum(each.seconds[name] for each in found)
        trace.extra["hits"] = sum(len(each.hits) for each in found)
        if settings.log_queries:
            trace.extra["queries"] = [each.query for each in searches]
        pairs = zip(searches, found, strict=True)
        return [search_answer(index, each, hits, settings) for each, hits in pairs]

    async def post(request: HttpRequest, body: SearchRequest) -> JsonResponse:
        """Search; the body holds the query, as `query` or `q`, and the options."""
        return JsonResponse(answer(request, index_of(request, load()), [body])[0])

    async def get(request: HttpRequest) -> JsonResponse:
        """Search; parameters that are no options filter: `genres=mystery`, `year>=1990`."""
        options, others = options_from_parameters(request.query_params.multi_items())
        index = index_of(request, load())
        condition = filter_from_parameters(others, index.manifest.schema)
        body = options.model_copy(update={"filter": condition})
        return JsonResponse(answer(request, index, [body])[0])

    async def batch(request: HttpRequest, body: BatchRequest) -> JsonResponse:
        """Answer several searches from one version of the index, in their order."""
        check_number(len(body.queries), "the number of queries", BATCH, settings)
        index = index_of(request, load())
        answers: BatchAnswer = {
            "index_version": index.manifest.version,
            "results": answer(request, index, body.queries),
        }
        return JsonResponse(answers)

    add_index_route(app, "POST", "/search", "search", post)
    add_index_route(app, "GET", "/search", "search_by_url", get)
    add_index_route(app, "POST", "/search/batch", "search_batch", batch)
