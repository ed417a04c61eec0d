"""JSON-RPC 2.0 messages, and the numbers that MCP gives to errors."""

from http import HTTPStatus
from typing import Any

Json = dict[str, Any]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022

# What revisions without a handshake answer over HTTP; the others get 200.
STATUSES = {
    PARSE_ERROR: HTTPStatus.BAD_REQUEST,
    INVALID_REQUEST: HTTPStatus.BAD_REQUEST,
    INVALID_PARAMS: HTTPStatus.BAD_REQUEST,
    HEADER_MISMATCH: HTTPStatus.BAD_REQUEST,
    UNSUPPORTED_VERSION: HTTPStatus.BAD_REQUEST,
    METHOD_NOT_FOUND: HTTPStatus.NOT_FOUND,
}


class RpcError(Exception):
    """A request that can't be answered: a code, a sentence, and data for programs."""

    def __init__(self, code: int, message: str, data: Json | None = None) -> None:
        """Compose the error."""
        super().__init__(message)
        self.code = code
        self.data = data


def result(id_: object, value: Json) -> Json:
    """Return the message that answers request `id_` with `value`."""
    return {"jsonrpc": "2.0", "id": id_, "result": value}


def failure(id_: object, error: RpcError) -> Json:
    """Return the message that answers request `id_`, or None if it is unknown, with an error."""
    body: Json = {"code": error.code, "message": str(error)}
    if error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": id_, "error": body}


def is_notification(message: Json) -> bool:
    """Tell whether nobody waits for an answer to this message."""
    return "id" not in message or "method" not in message


def params_of(message: Json) -> Json:
    """Return the parameters of a request.

    Raises:
        RpcError: they are no object.
    """
    params = message.get("params") or {}
    if not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, f"params is {params!r}; send an object")
    return params


def text_param(params: Json, name: str) -> str:
    """Return a parameter that must be a text.

    Raises:
        RpcError: it is missing, or something else.
    """
    value = params.get(name)
    if not isinstance(value, str):
        raise RpcError(INVALID_PARAMS, f"params.{name} is {value!r}; send a text")
    return value
