"""An application behind a real server, in a thread of this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI

from tests.s3 import free_port


@contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """Serve an application on a port of the loopback interface."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    with pytest.MonkeyPatch.context() as patch:
        # It may come after the end of a test.
        patch.setattr("handler.api.middleware.log", lambda *_, **__: None)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield port
        server.should_exit = True
        thread.join()
