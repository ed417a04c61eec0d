"""POST /events: clicks and the like, by the id of the answer that they belong to."""

import atexit
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from handler.api.answers import JsonResponse
from handler.api.event_log import EventLog
from handler.api.requests import EventsRequest
from handler.api.routing import add_index_route
from handler.search.bounds import BATCH, check_number
from handler.service import Service
from handler.settings import Settings
from handler.trace import index_of, trace_of

if TYPE_CHECKING:
    from handler.api.shapes import EventsAnswer


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the route to `app` if the settings want it; `load` returns the service."""
    if settings.events == "off":
        return
    event_log = EventLog((lambda: load().store) if settings.events == "store" else None)
    atexit.register(event_log.flush)  # on a laptop; Lambda ends its sandboxes without notice

    def events(request: HttpRequest, body: EventsRequest) -> JsonResponse:
        """Record what people did with an answer; unknown documents are passed over."""
        check_number(len(body.events), "the number of events", BATCH, settings)
        index = index_of(request, load())
        # An id that is no document's could be anything, such as somebody's name.
        known = [each for each in body.events if index.row_of(each.document_id) is not None]
        name = index.manifest.name
        event_log.add([{"index": name, **each.model_dump(exclude_none=True)} for each in known])
        trace_of(request).extra["events"] = len(known)
        answer: EventsAnswer = {"accepted": len(known)}
        return JsonResponse(answer, HTTPStatus.OK)

    add_index_route(app, "POST", "/events", "record_events", events)
