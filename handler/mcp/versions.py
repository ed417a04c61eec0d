"""Revisions of the protocol: those with a handshake, and those whose requests each say all."""

from collections.abc import Mapping

from handler.mcp.messages import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    UNSUPPORTED_VERSION,
    Json,
    RpcError,
    params_of,
)

# Oldest first.
WITH_HANDSHAKE = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
STATELESS = ("2026-07-28",)
SUPPORTED = WITH_HANDSHAKE + STATELESS

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
# The parameter that the header Mcp-Name repeats, so that proxies need not read bodies.
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def is_stateless(message: Json) -> bool:
    """Tell whether a request names its revision itself, as revisions without a handshake do."""
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return isinstance(meta, dict) and VERSION_KEY in meta


def check_stateless(message: Json) -> None:
    """Raise RpcError unless a request without a handshake says all that it must."""
    meta = params_of(message)["_meta"]
    version = meta[VERSION_KEY]
    if CAPABILITIES_KEY not in meta or not isinstance(version, str):
        raise RpcError(INVALID_PARAMS, f"params._meta needs {VERSION_KEY} and {CAPABILITIES_KEY}")
    if version not in STATELESS:
        raise RpcError(
            UNSUPPORTED_VERSION,
            f"revision {version} is not supported; use {STATELESS[-1]}",
            {"supported": list(SUPPORTED), "requested": version},
        )


def check_headers(message: Json, headers: Mapping[str, str]) -> None:
    """Raise RpcError unless the headers of an HTTP request agree with its message."""
    version = headers.get("mcp-protocol-version")
    if not is_stateless(message):
        if version is not None and version not in SUPPORTED:
            raise RpcError(
                UNSUPPORTED_VERSION,
                f"MCP-Protocol-Version is {version!r}; use one of {', '.join(SUPPORTED)}",
                {"supported": list(SUPPORTED), "requested": version},
            )
        return
    params = params_of(message)
    method = message.get("method")
    expected = {"MCP-Protocol-Version": params["_meta"][VERSION_KEY], "Mcp-Method": method}
    if method in NAMED_BY:
        expected["Mcp-Name"] = params.get(NAMED_BY[str(method)])
    for name, value in expected.items():
        brought = headers.get(name.lower())
        if value is not None and _decoded(brought) != value:
            raise RpcError(HEADER_MISMATCH, f"{name} is {brought!r}, and the body has {value!r}")


def _decoded(value: str | None) -> str | None:
    """Return what a header means: names beyond ASCII come as =?base64?…?=."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    import base64

    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except ValueError:
        return None
