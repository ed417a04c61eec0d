"""Clients that are slow on purpose: they lose their connection, and others are answered."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import ClassVar

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from infra.cli.bounded_protocol import BoundedProtocol
from tests.serving import serving

LARGE = 40_000_000


class Quick(BoundedProtocol):
    """The same with bounds that a test can wait for."""

    MAX_CONNECTIONS = 20
    HEADER_SECONDS = 0.3
    BODY_SECONDS = 0.3


class Unread(BoundedProtocol):
    """The same, for clients that read nothing; `lost` counts connections that ended."""

    SEND_SECONDS = 0.3
    lost: ClassVar = threading.Semaphore(0)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.release()


class Crowded(BoundedProtocol):
    """The same with a bound of connections that a test reaches."""

    MAX_CONNECTIONS = 20


def application() -> FastAPI:
    app = FastAPI()

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.body())

    @app.get("/large")
    async def large() -> Response:
        return Response(b"x" * LARGE)

    return app


@pytest.fixture(scope="module")
def quick() -> Iterator[int]:
    with serving(application(), Quick) as port:
        yield port


@pytest.fixture
def crowded() -> Iterator[int]:
    with serving(application(), Crowded) as port:
        yield port


def connect(port: int, data: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(data)
    return connection


def rest(connection: socket.socket) -> bytes:
    """Return what the server sends until it closes the connection, which it must."""
    received = b""
    with connection:
        try:
            while data := connection.recv(1 << 20):
                received += data
        except ConnectionError:
            pass
    return received


def ask(port: int, text: bytes = b"hello") -> bytes:
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return rest(connect(port, head % len(text) + text))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /large HTT",
        b"GET /large HTTP/1.1\r\nHost: a\r\nX-",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhel",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_a_request_that_never_ends_loses_its_connection(quick: int, sent: bytes) -> None:
    assert b"200 OK" not in rest(connect(quick, sent))
    assert ask(quick).endswith(b"hello")


def test_the_second_request_of_a_connection_is_bounded_too(quick: int) -> None:
    whole = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    assert rest(connect(quick, whole + whole[:30])).count(b"200 OK") == 1


def test_a_client_that_reads_nothing_loses_its_answer() -> None:
    with serving(application(), Unread) as port, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        assert Unread.lost.acquire(timeout=30)
        assert len(rest(connection)) < LARGE


def test_those_who_wait_longest_make_room(crowded: int) -> None:
    with ExitStack() as stack:
        idle = [
            stack.enter_context(connect(crowded, b"GET /large HTTP/1.1\r\nX-")) for _ in range(300)
        ]
        for _ in range(3):
            assert ask(crowded).endswith(b"hello")
        for connection in idle[:200]:
            assert rest(connection) == b""
