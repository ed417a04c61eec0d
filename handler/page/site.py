"""The answers of the search page's routes. Imported at the first visit: no start waits for it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self

from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from handler.corpus.schema import Schema
from handler.errors import QuerytowerError
from handler.html_answer import html_answer
from handler.index.engine import Engine
from handler.page.assets import Assets
from handler.page.facts import fields_shown, telling_fields
from handler.page.hits import Display
from handler.page.page_state import PageState
from handler.page.pictures import Pictures
from handler.page.rail import INPUTS, filter_fields, rail
from handler.page.renderer import PageRenderer, offered_indexes
from handler.page.social import sitemap
from handler.page.view import View
from handler.problems import classify
from handler.search.highlight import Allowance, mark, word_spans
from handler.search.lookup import find
from handler.search.lucky import lucky
from handler.search.parameters import filter_from_parameters
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of, note_results, trace_of

PAGE_SIZE = 10
MAX_FACETS = 6
# Fields to sort by.
MAX_ORDERS = 4
# Letters from which on a question that is being typed is searched for by its meaning too.
LEAST_MEANING = 5
FOR_EVER = "public, max-age=31536000, immutable"


class Site:
    """The page and its files, read once."""

    def __init__(self, page: PageRenderer, load: Callable[[], Service]) -> None:
        """Compose; `load` returns the service."""
        self._page = page
        self._settings = page.settings
        self._load = load
        self._pictures = Pictures.of_settings(page.settings)
        # The fields worth showing of the version asked for last.
        self._telling: dict[tuple[str, str], tuple[str, ...]] = {}

    @classmethod
    def open(cls, settings: Settings, load: Callable[[], Service]) -> Self:
        """Read the files."""
        return cls(PageRenderer(settings, Assets.read(settings.page_accent)), load)

    def page(self, request: HttpRequest) -> Response:
        """Return the page in the state that the URL asks for, so that it works without a script."""
        started = time.perf_counter()
        asked = PageState.of(request.query_params.multi_items())
        if (
            asked.index not in offered_indexes(self._settings)
            or asked.index == self._settings.index
        ):
            asked = replace(asked, index="")
        index, status = None, 200
        try:
            service = self._load()
            index = index_of(request, service, asked.index)
            if "lucky" in request.query_params:
                to = asked.anew(like=lucky(index).id)
                return RedirectResponse(to, 303, {"Cache-Control": "no-store"})
            view = self._view(request, asked, service.searcher, index)
        except QuerytowerError as error:
            status, detail = classify(error)
            if status >= 500:
                trace_of(request).extra["problem"] = str(error)
            view = self._page.failed(asked, status, detail)
        milliseconds = 1000 * (time.perf_counter() - started)
        html = self._page.html(asked, view, index.manifest if index else None, milliseconds)
        headers = {
            "Cache-Control": "no-cache",
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": self._pictures.policy(),
        }
        if view.retry_seconds:
            headers["Retry-After"] = str(view.retry_seconds)
        return html_answer(request, html.encode(), status, headers)

    def sitemap(self, request: HttpRequest) -> Response:
        """Return the sitemap of the default index.

        Raises:
            QuerytowerError: the index can't be searched.
        """
        body = sitemap(self._settings, index_of(request, self._load()))
        headers = {"Content-Type": "application/xml", "Cache-Control": "max-age=3600"}
        return html_answer(request, body, 200, headers)

    def file(self, request: HttpRequest, digest: str, name: str) -> Response:
        """Return one of the page's files.

        A file under another digest belongs to another deployment, so it must not be cached.
        """
        assets = self._page.assets
        if name not in assets.files:
            raise HTTPException(404)
        asset = assets.files[name]
        caching = FOR_EVER if digest == assets.digest else "no-cache"
        headers = {"Cache-Control": caching, "Content-Type": asset.type}
        return html_answer(request, asset.body, 200, headers, asset.gzipped)

    def _view(
        self, request: HttpRequest, asked: PageState, searcher: Searcher, index: Engine
    ) -> View:
        fields = filter_fields(self._settings, index.manifest.schema)
        if asked.like:
            answer = searcher.similar(index, [asked.like], min(PAGE_SIZE, self._settings.max_k))
            trace_of(request).seconds.update(answer.seconds)
            document = index.document(find(index, asked.like))
            return self._page.document(self._display(asked, index, fields), document, answer.hits)
        asked = asked.among(fields)
        if not asked.query and not asked.filters:
            return self._page.home(asked)
        return self._results(request, asked, fields, searcher, index)

    def _display(
        self, asked: PageState, index: Engine, fields: Schema, terms: Sequence[str] = ()
    ) -> Display:
        """Return what documents are shown by; `terms` are marked in their titles."""
        version = index.manifest.name, index.manifest.version
        if version not in self._telling:
            self._telling = {version: telling_fields(index)}
        names = fields_shown(self._settings) or self._telling[version]
        return Display(
            asked=asked,
            fields=[name for name in names if name != self._pictures.field],
            filters=fields,
            pictures=self._pictures,
            mark=lambda title: mark(title, word_spans(title, terms, index.stems)),
        )

    def _results(
        self,
        request: HttpRequest,
        asked: PageState,
        fields: Schema,
        searcher: Searcher,
        index: Engine,
    ) -> View:
        """Search, and return the view of the hits; `fields` are those to filter by."""
        # One hit more than shown tells whether another page follows.
        k = min(PAGE_SIZE + 1, self._settings.max_k)
        size = max(1, k - 1)
        offset = (asked.page - 1) * size
        counted = [name for name, field in fields.items() if field.kind not in INPUTS][:MAX_FACETS]
        orders = _orders(fields)
        if asked.sort not in orders:
            asked = replace(asked, sort="")
        allowance = Allowance(self._settings.max_encoded_chars)
        request_ = self._request(asked, index, counted, k, offset)
        answer = searcher.search(index, request_, allowance)
        shown = answer.hits[:size]
        trace = trace_of(request)
        trace.seconds.update(answer.seconds)
        trace.extra["hits"] = len(shown)
        if self._settings.log_queries:
            trace.extra["queries"] = [asked.query]
            note_results(trace, answer)
        filters = rail(asked, fields, answer.facets)
        if not shown:
            return self._page.nothing(asked, filters)
        more = len(answer.hits) > size and offset + size <= self._settings.max_offset
        page = replace(answer, hits=shown)
        display = self._display(asked, index, fields, answer.terms)
        return self._page.results(display, page, offset + 1, more, filters, orders)

    def _request(
        self,
        asked: PageState,
        index: Engine,
        facets: list[str],
        k: int,
        offset: int,
    ) -> SearchRequest:
        """Return the search for a state of the page."""
        # A few letters mean nothing yet: they would find strangers.
        begun = asked.typing and len(asked.query) < LEAST_MEANING
        request = SearchRequest(
            query=asked.query,
            k=k,
            offset=offset,
            mode="keyword" if begun else asked.mode,
            typing=asked.typing,
            verbatim=asked.verbatim,
            filter=filter_from_parameters(asked.filters, index.manifest.schema),
            facets=facets,
            sort=asked.sort,
            total=True,
            explain=True,
            highlight=True,
        )
        return request.within(self._settings)


def _orders(fields: Schema) -> list[str]:
    """Return the sorts on offer: each field of single numbers or dates, downwards and upwards."""
    kinds = ("integer", "float", "date")
    names = [name for name, field in fields.items() if field.kind in kinds and not field.list]
    return [order for name in names[:MAX_ORDERS] for order in (f"-{name}", name)]
