"""Errors as HTTP answers: application/problem+json, RFC 9457. One table maps them."""

from http import HTTPStatus

from starlette.responses import JSONResponse

from handler.errors import (
    DocumentNotFound,
    IndexUnavailable,
    InvalidRequest,
    ModelError,
    ModelMismatch,
    QuerytowerError,
    StoreError,
)

SEE_LOG = "the index can't be searched at the moment; the log says why, under this request id"

# Error, status, and what the caller is told: None for the error's own message, which names no internals.
TABLE: tuple[tuple[type[QuerytowerError], HTTPStatus, str | None], ...] = (
    (InvalidRequest, HTTPStatus.UNPROCESSABLE_ENTITY, None),
    (DocumentNotFound, HTTPStatus.NOT_FOUND, None),
    (ModelMismatch, HTTPStatus.SERVICE_UNAVAILABLE, None),
    (IndexUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, SEE_LOG),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE, SEE_LOG),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE, SEE_LOG),
)


def classify(error: Exception) -> tuple[HTTPStatus, str]:
    """Return the status of an error and what the caller is told."""
    for kind, status, detail in TABLE:
        if isinstance(error, kind):
            return status, detail or str(error)
    return HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong; the log says what, under this request id"


def problem(status: int, detail: str, request_id: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the answer for one problem."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id,
    }
    return JSONResponse(body, status, headers, "application/problem+json")
