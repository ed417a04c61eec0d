"""What the search page's routes answer; imported at the first visit, since the function's start is for searches."""

import time
from collections.abc import Callable
from typing import Self

from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from handler.api.answers import index_of
from handler.api.problems import classify
from handler.api.requests import SearchBody, filter_from_parameters
from handler.api.routes.documents import lucky
from handler.corpus.schema import Schema
from handler.errors import QuerytowerError
from handler.index.index_version import IndexVersion
from handler.index.text_index import FacetCount
from handler.page.assets import Assets, compress
from handler.page.page_state import PageState
from handler.page.parts import INPUTS, filter_fields, rail
from handler.page.renderer import PageRenderer, View
from handler.search.answer import SearchRequest
from handler.search.searcher import find
from handler.service import Service
from handler.settings import Settings

PAGE_SIZE = 10
MAX_FACETS = 6
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}
FOR_EVER = "public, max-age=31536000, immutable"


class Site:
    """The page and its files, read once."""

    def __init__(self, page: PageRenderer, load: Callable[[], Service]) -> None:
        """Compose; `load` returns the service."""
        self._page = page
        self._load = load

    @classmethod
    def open(cls, settings: Settings, load: Callable[[], Service]) -> Self:
        """Read the files."""
        return cls(PageRenderer(settings, Assets.read(settings.page_accent)), load)

    def page(self, request: HttpRequest) -> Response:
        """Return the page in the state that the URL asks for, so that it works without a script too."""
        started = time.perf_counter()
        index, asked, status = None, PageState.of(request.query_params.multi_items()), 200
        try:
            index = index_of(request, self._load())
            if "lucky" in request.query_params:
                return RedirectResponse(
                    PageState(like=lucky(index).id).link(), 303, {"Cache-Control": "no-store"}
                )
            view = _view(request, self._page, asked, self._load(), index)
        except QuerytowerError as error:
            status, detail = classify(error)
            if status >= 500:
                request.scope["trace"].extra["problem"] = str(error)
            view = self._page.failed(asked, status, detail)
        milliseconds = 1000 * (time.perf_counter() - started)
        html = self._page.html(asked, view, index.manifest if index else None, milliseconds)
        retry = {"Retry-After": str(view.retry_seconds)} if view.retry_seconds else {}
        return _packed(
            request,
            html.encode(),
            "text/html; charset=utf-8",
            status,
            retry | {"Cache-Control": "no-cache"},
        )

    def file(self, request: HttpRequest, digest: str, name: str) -> Response:
        """Return one of the page's files; under another digest it is that of another deployment, not to be kept."""
        assets = self._page.assets
        if name not in assets.files:
            raise HTTPException(404)
        asset = assets.files[name]
        caching = {"Cache-Control": FOR_EVER if digest == assets.digest else "no-cache"}
        return _packed(request, asset.body, asset.type, 200, caching, asset.gzipped)


def _packed(
    request: HttpRequest,
    body: bytes,
    kind: str,
    status: int,
    headers: dict[str, str],
    gzipped: bytes = b"",
) -> Response:
    headers = HEADERS | headers | {"Content-Type": kind}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            gzipped or compress(body, 5), status, headers | {"Content-Encoding": "gzip"}
        )
    return Response(body, status, headers)


def _view(
    request: HttpRequest,
    page: PageRenderer,
    asked: PageState,
    service: Service,
    index: IndexVersion,
) -> View:
    if asked.like:
        answer = service.searcher.similar(index, asked.like, min(PAGE_SIZE, page.settings.max_k))
        request.scope["trace"].seconds.update(answer.seconds)
        return page.document(asked, index.document(find(index, asked.like)), answer.hits)
    if not asked.query:
        return page.home()
    fields = filter_fields(page.settings, index.manifest.schema)
    return _results(request, page, asked.among(fields), fields, service, index)


def _results(
    request: HttpRequest,
    page: PageRenderer,
    asked: PageState,
    fields: Schema,
    service: Service,
    index: IndexVersion,
) -> View:
    # One hit more than shown tells whether a further page follows.
    k = min(PAGE_SIZE + 1, page.settings.max_k)
    size = max(1, k - 1)
    counted = [name for name, field in fields.items() if field.kind not in INPUTS][:MAX_FACETS]
    offset = (asked.page - 1) * size
    answer = service.searcher.search(index, _request(page, asked, index, counted, k, offset))
    trace = request.scope["trace"]
    trace.seconds.update(answer.seconds)
    shown = answer.hits[:size]
    trace.extra["hits"] = len(shown)
    if page.settings.log_queries:
        trace.extra["queries"] = [asked.query]
    counts = {
        name: _counts(page, asked, service, index, name) or answer.facets[name] for name in counted
    }
    filters = rail(asked, fields, counts)
    if not shown:
        return page.nothing(asked, filters)
    more = len(answer.hits) > size and offset + size <= page.settings.max_offset
    return page.results(asked, shown, offset + 1, more, filters)


def _counts(
    page: PageRenderer, asked: PageState, service: Service, index: IndexVersion, name: str
) -> list[FacetCount]:
    """Return the counts of a filtered field as if it weren't, for these are what another of its values would add."""
    if not asked.values(name):
        return []
    others = asked.among({field for field in index.manifest.schema if field != name})
    return service.searcher.search(index, _request(page, others, index, [name])).facets[name]


def _request(
    page: PageRenderer,
    asked: PageState,
    index: IndexVersion,
    facets: list[str],
    k: int = 0,
    offset: int = 0,
) -> SearchRequest:
    """Return the search that the page stands for; without `k` it is only about the counts of `facets`."""
    return SearchBody(
        query=asked.query,
        k=k or 1,
        offset=offset,
        mode=asked.mode,
        filter=filter_from_parameters(asked.filters, index.manifest.schema),
        facets=facets,
        sort="",
        explain=k > 0,
        highlight=k > 0,
    ).request(page.settings)
