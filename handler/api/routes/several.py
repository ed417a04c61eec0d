"""Routes about several documents: listed, by their ids, and similar to some."""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from fastapi import FastAPI, Query
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse, document_answer, listing_answer, similar_answer
from handler.api.requests import SimilarRequest
from handler.api.routing import add_index_route
from handler.search.bounds import IDS, UNLIKE, K, check_items, check_number
from handler.search.listing import Cursor, rows_after
from handler.search.lookup import compile_filter, find
from handler.search.parameters import filter_from_parameters, items
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of, trace_of

ById = Annotated[str | None, Query(alias="id", description="The id of one document.")]
Ids = Annotated[str, Query(description="Ids of documents, separated by commas.")]
After = Annotated[str, Query(description="Where to go on: `next` of the answer before.")]
Fields = Annotated[str, Query(description="Fields to return, separated by commas; all by default.")]
LISTING_PARAMETERS = ("id", "ids", "after", "k", "fields")


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    def documents(
        request: HttpRequest,
        id_: ById = None,
        ids: Ids = "",
        after: After = "",
        k: int = settings.max_k,
        fields: Fields = "",
    ) -> JsonResponse:
        """Return one document by `id`, several by `ids`, or all, page by page, with a filter.

        An answer to a listing has under `next` what `after` must be for the next page.
        """
        if id_ is not None:
            index = index_of(request, load())
            one = index.document(find(index, id_))
            return JsonResponse(document_answer(index, one, items(fields), settings))
        check_number(k, "k", K, settings)
        index = index_of(request, load())
        if ids:
            wanted = items(ids)
            check_items(wanted, "ids", IDS, settings)
            rows = [index.row_of(each) for each in wanted]
            found = np.array([row for row in rows if row is not None], np.int64)
            return JsonResponse(listing_answer(index, found, items(fields), settings))
        cursor = Cursor.parse(after, index) if after else None
        names = request.query_params.multi_items()
        others = [(name, value) for name, value in names if name not in LISTING_PARAMETERS]
        condition = filter_from_parameters(others, index.manifest.schema)
        page = rows_after(index, cursor, compile_filter(index, condition), k)
        more = len(page) == k
        return JsonResponse(listing_answer(index, page, items(fields), settings, more=more))

    def similar_to_several(request: HttpRequest, body: SimilarRequest) -> JsonResponse:
        """Return the documents most similar to some, and unlike others; none of these."""
        k = min(10, settings.max_k) if body.k is None else body.k
        check_number(k, "k", K, settings)
        check_items(body.like, "like", IDS, settings)
        check_items(body.unlike, "unlike", UNLIKE, settings)
        service = load()
        index = index_of(request, service)
        answer = service.searcher.similar(index, body.like, k, body.unlike)
        trace_of(request).seconds.update(answer.seconds)
        return JsonResponse(
            similar_answer(index, ", ".join(body.like), answer, body.fields, settings)
        )

    add_index_route(app, "GET", "/documents", "list_documents", documents)
    add_index_route(app, "POST", "/similar", "find_similar", similar_to_several)
