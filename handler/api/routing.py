"""How routes are added to the application."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

Endpoint = Callable[..., Any]


def add_route(app: FastAPI, method: str, path: str, name: str, endpoint: Endpoint) -> None:
    """Answer `method` at `path` by `endpoint`; the OpenAPI document calls the operation `name`."""
    app.add_api_route(path, endpoint, methods=[method], name=name, operation_id=name)


def add_index_route(app: FastAPI, method: str, path: str, name: str, endpoint: Endpoint) -> None:
    """Do the same at `path` for the default index, and below /indexes/{name} for a named one."""
    add_route(app, method, path, name, endpoint)
    add_route(app, method, f"/indexes/{{name}}{path}", f"{name}_in_index", endpoint)
