"""The application behind uvicorn, checked before it starts."""

import socket
from collections.abc import Mapping
from functools import cache

import uvicorn
from fastapi import FastAPI
from rich.console import Console

from handler.app import create_app
from handler.service import Service
from handler.settings import SettingError, Settings
from infra.cli.bounded_protocol import BoundedProtocol


def run(environment: Mapping[str, str], host: str, port: int) -> None:
    """Serve until interrupted.

    Raises:
        QuerytowerError: model, store or index can't be used, or the port is taken.
    """
    settings = Settings.from_mapping(environment)
    service = cache(lambda: Service.open(settings))
    manifest = service().index().manifest
    app = create_app(settings, service, threads=True)
    listener = listen(host, port)
    address = f"http://{host}:{listener.getsockname()[1]}"
    Console(stderr=True, highlight=False).print(
        f"{manifest.documents:,} documents of index {manifest.name}, version {manifest.version}\n"
        f"serving on [bold]{address}[/bold] (API: {address}/docs); stop with Ctrl-C"
    )
    uvicorn.Server(config_of(app)).run([listener])


def config_of(app: FastAPI, protocol: type[BoundedProtocol] = BoundedProtocol) -> uvicorn.Config:
    """Return how `app` is served."""
    return uvicorn.Config(
        app, http=protocol, ws="none", lifespan="off", log_level="warning", access_log=False
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        SettingError: the address can't be used.
    """
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as cause:
        raise SettingError(
            f"can't listen on {host}:{port}: {cause.strerror}; choose another with --port"
        ) from cause
