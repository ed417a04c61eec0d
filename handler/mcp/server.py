"""One request of an agent, one answer; nothing is remembered in between."""

from collections.abc import Callable
from typing import Any

from handler.errors import DocumentNotFound, IndexNotFound, InvalidRequest
from handler.mcp import resources, tools
from handler.mcp.descriptions import describe
from handler.mcp.messages import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Json,
    RpcError,
    failure,
    is_notification,
    params_of,
    result,
)
from handler.mcp.versions import SUPPORTED, WITH_HANDSHAKE, check_stateless, is_stateless
from handler.service import Service
from handler.trace import Trace

CAPABILITIES: Json = {"tools": {}, "resources": {}}
SERVER_INFO: Json = {"name": "querytower", "title": "querytower", "version": "1"}
INSTRUCTIONS = (
    "Semantic search in a corpus. Start with the tool search: say in plain words what to find. "
    "Its filter takes the metadata fields that its description lists. get_document returns the "
    "whole text of a hit, similar what is like it, list_indexes the other corpora."
)
# Tools and their fields follow the index, which a reindex may change at any time.
FRESH_MS = 60_000
CALLERS_FAULTS = (InvalidRequest, DocumentNotFound, IndexNotFound)


class McpServer:
    """Answers messages from the index versions of a service."""

    def __init__(self, load: Callable[[], Service]) -> None:
        """Take the function that returns the service."""
        self._load = load
        self._methods: dict[str, Callable[[Json, Trace], Json]] = {
            "initialize": self._initialize,
            "server/discover": self._discover,
            "ping": lambda _params, _trace: {},
            "tools/list": lambda _params, _trace: {"tools": describe(self._load())},
            "tools/call": lambda params, trace: tools.call(self._load(), params, trace),
            "resources/list": lambda params, _trace: resources.page(self._load(), params),
            "resources/templates/list": lambda _params, _trace: resources.TEMPLATES,
            "resources/read": lambda params, _trace: resources.read(self._load(), params),
        }

    def answer(self, message: Any, trace: Trace) -> Json | None:
        """Return the message that answers one, or None where nobody waits for an answer."""
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            error = RpcError(INVALID_REQUEST, "send one JSON-RPC 2.0 request, as an object")
            return failure(None, error)
        if is_notification(message):
            return None
        try:
            return result(message["id"], self._result(message, trace))
        except RpcError as error:
            return failure(message["id"], error)

    def _result(self, message: Json, trace: Trace) -> Json:
        method = str(message["method"])
        trace.extra["mcp_method"] = method
        answer = self._methods.get(method)
        if answer is None:
            raise RpcError(METHOD_NOT_FOUND, f"there is no method {method!r}")
        stateless = is_stateless(message)
        if stateless:
            check_stateless(message)
        try:
            value = answer(params_of(message), trace)
        except RpcError:
            raise
        except CALLERS_FAULTS as error:
            raise RpcError(INVALID_PARAMS, str(error)) from error
        except Exception as error:
            raise RpcError(INTERNAL_ERROR, tools.explain(error, trace)) from error
        extra = {"resultType": "complete", "ttlMs": FRESH_MS, "cacheScope": "private"}
        return value | extra if stateless else value

    def _initialize(self, params: Json, _trace: Trace) -> Json:
        wanted = params.get("protocolVersion")
        return {
            "protocolVersion": wanted if wanted in WITH_HANDSHAKE else WITH_HANDSHAKE[-1],
            "capabilities": CAPABILITIES,
            "serverInfo": SERVER_INFO,
            "instructions": INSTRUCTIONS,
        }

    def _discover(self, _params: Json, _trace: Trace) -> Json:
        return {
            "supportedVersions": list(SUPPORTED),
            "capabilities": CAPABILITIES,
            "serverInfo": SERVER_INFO,
            "instructions": INSTRUCTIONS,
        }
