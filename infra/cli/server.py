"""The application behind uvicorn, checked before it starts."""

import socket
from collections.abc import Mapping
from functools import cache

import uvicorn
from rich.console import Console

from handler.app import create_app
from handler.service import Service
from handler.settings import SettingError, Settings


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
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run([listener])


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
