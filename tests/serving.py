"""An application behind a real server, in a thread of this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from handler.api import middleware
from infra.cli.bounded_protocol import BoundedProtocol
from infra.cli.server import config_of, listen


@contextmanager
def serving(app: FastAPI, protocol: type[BoundedProtocol] = BoundedProtocol) -> Iterator[int]:
    """Serve an application as `querytower serve` does; yield the port on the loopback interface."""
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(config_of(app, protocol))
    thread = threading.Thread(target=server.run, args=([listener],))
    with pytest.MonkeyPatch.context() as patch:
        # A line of this server may come after the end of a test; others serve beside it.
        log = middleware.__dict__["log"]

        def quiet(event: str, **fields: Any) -> None:
            if threading.current_thread() is not thread:
                log(event, **fields)

        patch.setattr(middleware, "log", quiet)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
