"""Errors as HTTP answers: application/problem+json of RFC 9457. One table maps them."""

from http import HTTPStatus

from starlette.responses import JSONResponse

from handler.errors import (
    AnswerTooLarge,
    DocumentNotFound,
    ForeignTokens,
    IndexNotFound,
    InvalidRequest,
    ModelMismatch,
    ModelNotFound,
    QuerytowerError,
    VersionGone,
)

# The phrases of RFC 9110; Python before 3.13 has older ones.
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
MAX_DETAIL_CHARS = 1000
SEE_LOG = "the index can't be searched at the moment; the log says why, under this request id"

RETRY_SECONDS = "2"
"""When a client may ask again that was told 503."""
TOO_DEEP = "the request is nested too deep; flatten it"

# Error, status, and what the caller is told. None stands for the error's own message, where that
# names no internals.
TABLE: tuple[tuple[type[Exception], HTTPStatus, str | None], ...] = (
    (ForeignTokens, HTTPStatus.BAD_REQUEST, None),
    (InvalidRequest, HTTPStatus.UNPROCESSABLE_ENTITY, None),
    (AnswerTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, None),
    (DocumentNotFound, HTTPStatus.NOT_FOUND, None),
    (VersionGone, HTTPStatus.GONE, None),
    (IndexNotFound, HTTPStatus.NOT_FOUND, None),
    (ModelNotFound, HTTPStatus.NOT_FOUND, None),
    (ModelMismatch, HTTPStatus.SERVICE_UNAVAILABLE, None),
    (QuerytowerError, HTTPStatus.SERVICE_UNAVAILABLE, SEE_LOG),
    (RecursionError, HTTPStatus.UNPROCESSABLE_ENTITY, TOO_DEEP),
)


def classify(error: Exception) -> tuple[HTTPStatus, str]:
    """Return the status of an error and what the caller is told."""
    for kind, status, detail in TABLE:
        if isinstance(error, kind):
            return status, detail or str(error)
    return (
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "something went wrong; the log says what, under this request id",
    )


def problem(
    status: int, detail: str, request_id: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return the answer that describes one problem."""
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers = {"Retry-After": RETRY_SECONDS, **(headers or {})}
    body = {
        "type": "about:blank",
        "title": TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail if len(detail) <= MAX_DETAIL_CHARS else f"{detail[:MAX_DETAIL_CHARS]}…",
        "request_id": request_id,
    }
    return JSONResponse(body, status, headers, "application/problem+json")
