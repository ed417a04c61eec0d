"""What becomes known of a request while it is answered, for its headers and its line in the log."""

from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from handler.index.engine import Engine
from handler.search.answer import Answer
from handler.service import Service

NOTED_HITS = 10


@dataclass(slots=True, kw_only=True)
class Trace:
    """The trace of one request, in its ASGI scope under "trace".

    `seconds` has the time that each stage took, and `extra` further fields for the log.
    """

    request_id: str
    index_version: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def note_results(trace: Trace, answer: Answer) -> None:
    """Note for the log what a search found; only where queries are logged too."""
    found = {
        "hits": len(answer.hits),
        "cosine": None if answer.cosine is None else round(answer.cosine, 4),
        "ids": [hit.document.id for hit in answer.hits[:NOTED_HITS]],
    }
    trace.extra.setdefault("results", []).append(found)


def trace_of(request: Request) -> Trace:
    """Return the trace of a request."""
    trace: Trace = request.scope["trace"]
    return trace


def index_of(request: Request, service: Service, name: str = "") -> Engine:
    """Return the index of a request; its trace has the version.

    That is `name`, or what the path names, or the default.

    Raises:
        IndexNotFound: there is none of this name.
        IndexUnavailable: it can't be used.
        StoreError: the store fails, and no version was open yet.
    """
    index = service.index(name or request.path_params.get("name", ""))
    trace_of(request).index_version = index.manifest.version
    return index
