"""How routes are added to the application."""

from inspect import iscoroutinefunction

from fastapi import FastAPI

from handler.workers import Endpoint, Workers


def add_route(
    app: FastAPI, method: str, path: str, name: str, endpoint: Endpoint, *, long: bool = False
) -> None:
    """Answer `method` at `path` by `endpoint`; the OpenAPI document calls the operation `name`.

    A coroutine function runs in the event loop, so it must not compute. Any other runs in the
    application's workers; `long` marks requests that take long.
    """
    workers: Workers = app.state.workers
    placed = endpoint if iscoroutinefunction(endpoint) else workers.run(endpoint, long=long)
    app.add_api_route(path, placed, methods=[method], name=name, operation_id=name)


def add_index_route(
    app: FastAPI, method: str, path: str, name: str, endpoint: Endpoint, *, long: bool = False
) -> None:
    """Do the same at `path` for the default index, and below /indexes/{name} for a named one."""
    add_route(app, method, path, name, endpoint, long=long)
    in_index = f"/indexes/{{name}}{path}"
    add_route(app, method, in_index, f"{name}_in_index", endpoint, long=long)
