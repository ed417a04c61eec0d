"""Routes that search: /search, /search/batch, and the same for a named index."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse, batch_answer, fitting, search_answer
from handler.api.requests import BatchRequest
from handler.api.routing import add_index_route
from handler.index.engine import Engine
from handler.search.bounds import BATCH, FACETS, check_items, check_number, check_total
from handler.search.highlight import Allowance
from handler.search.parameters import filter_from_parameters, options_from_parameters
from handler.search.request import SearchRequest
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of, note_results, trace_of

if TYPE_CHECKING:
    from handler.api.shapes import SearchAnswer


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    def answers(
        request: HttpRequest, index: Engine, searches: list[SearchRequest]
    ) -> "Iterator[SearchAnswer]":
        """Check all searches, then yield the answer of one after the other."""
        searches = [each.within(settings) for each in searches]
        check_total([each.query for each in searches], "the queries", settings)
        facets = [name for each in searches for name in each.facets]
        check_items(facets, "facets", FACETS, settings)
        searcher = load().searcher
        trace = trace_of(request)
        if settings.log_queries:
            trace.extra["queries"] = [each.query for each in searches]
        allowance = Allowance(settings.max_encoded_chars)
        for each in searches:
            found = searcher.search(index, each, allowance)
            for name, seconds in found.seconds.items():
                trace.seconds[name] = trace.seconds.get(name, 0.0) + seconds
            trace.extra["hits"] = trace.extra.get("hits", 0) + len(found.hits)
            if settings.log_queries:
                note_results(trace, found)
            yield search_answer(index, each, found, settings)

    def single(request: HttpRequest, index: Engine, body: SearchRequest) -> JsonResponse:
        answer = next(answers(request, index, [body]))
        return JsonResponse(fitting(answer, answer["hits"], settings))

    def post(request: HttpRequest, body: SearchRequest) -> JsonResponse:
        """Search; the body holds the query, as `query` or `q`, and the options."""
        return single(request, index_of(request, load()), body)

    def get(request: HttpRequest) -> JsonResponse:
        """Search; parameters that are no options filter: `genres=mystery`, `year>=1990`."""
        options, others = options_from_parameters(request.query_params.multi_items())
        index = index_of(request, load())
        condition = filter_from_parameters(others, index.manifest.schema)
        body = options.model_copy(update={"filter": condition})
        return single(request, index, body)

    def batch(request: HttpRequest, body: BatchRequest) -> JsonResponse:
        """Answer several searches from one version of the index, in their order."""
        check_number(len(body.queries), "the number of queries", BATCH, settings)
        index = index_of(request, load())
        found = answers(request, index, body.queries)
        return JsonResponse(batch_answer(index.manifest.version, found, settings))

    add_index_route(app, "POST", "/search", "search", post)
    add_index_route(app, "GET", "/search", "search_by_url", get)
    add_index_route(app, "POST", "/search/batch", "search_batch", batch, long=True)
