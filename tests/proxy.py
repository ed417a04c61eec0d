"""A small HTTP proxy that stands before a real server and injects faults into chosen requests."""

import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

REPLACED = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Request(NamedTuple):
    """A request as it reached the proxy; the path includes the query."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass(slots=True)
class Fault:
    """What goes wrong with the requests whose method and path match these regular expressions.

    First `delay` seconds pass. `status` with the S3 error `code` and `details` (XML) answers in the server's
    place; with `lost` the server does get the request, and only its answer is replaced. `cut` closes the
    connection after so many bytes of the body; `stall` = (bytes, seconds) is silent there for a while;
    `shorten` makes a well-formed answer of so many bytes. `times` is how often it happens, None for always.
    """

    path: str = ""
    method: str = ""
    delay: float = 0.0
    status: int | None = None
    code: str = "Injected"
    details: str = ""
    lost: bool = False
    cut: int | None = None
    stall: tuple[int, float] | None = None
    shorten: int | None = None
    times: int | None = None

    def matches(self, method: str, path: str) -> bool:
        """Tell whether the fault is still due and hits this request."""
        return self.times != 0 and bool(
            re.search(self.method, method) and re.search(self.path, path)
        )


@dataclass(slots=True)
class Proxy:
    """Forwards to `upstream`, remembers all requests, and applies the first fault that matches.

    Use it as a context manager; add to and clear `faults` and `requests` at will.
    """

    upstream: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer = field(init=False)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.block_on_close = False
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address that clients talk to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def note(self, request: Request) -> Fault:
        """Record a request and return the fault that hits it, or one that does nothing."""
        with self._lock:
            self.requests.append(request)
            fault = next(
                (each for each in self.faults if each.matches(request.method, request.path)),
                Fault(),
            )
            if fault.times is not None:
                fault.times -= 1
            return fault

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the proxy."""
        self._closing.wait(seconds)


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            with suppress(ConnectionError):  # clients hang up when they lose patience
                super().handle()

        def forward(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = proxy.note(Request(self.command, self.path, dict(self.headers)))
            proxy.pause(fault.delay)
            answer = 0, dict[str, str](), b""
            if fault.status is None or fault.lost:
                answer = self.ask_upstream(content)
            if fault.status is not None:
                answer = (
                    fault.status,
                    {},
                    f"<Error><Code>{fault.code}</Code>{fault.details}</Error>".encode(),
                )
            self.answer(*answer, fault)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815

        def ask_upstream(self, content: bytes) -> tuple[int, dict[str, str], bytes]:
            connection = HTTPConnection(urlsplit(proxy.upstream).netloc, timeout=30)
            try:
                connection.request(self.command, self.path, content, dict(self.headers))
                answer = connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            except (OSError, HTTPException):
                return 502, {}, b""
            finally:
                connection.close()

        def answer(self, status: int, headers: dict[str, str], body: bytes, fault: Fault) -> None:
            head = self.command == "HEAD"
            body = b"" if head else body[: fault.shorten]
            lengths = [value for name, value in headers.items() if name.lower() == "content-length"]
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in REPLACED:
                    self.send_header(name, value)
            if status not in (204, 304):
                self.send_header(
                    "Content-Length", lengths[0] if head and lengths else str(len(body))
                )
            self.end_headers()
            self.send_body(body, fault)

        def send_body(self, body: bytes, fault: Fault) -> None:
            if fault.cut is not None:
                self.wfile.write(body[: fault.cut])
                self.close_connection = True
                return
            at, seconds = fault.stall or (len(body), 0.0)
            self.wfile.write(body[:at])
            proxy.pause(seconds)
            self.wfile.write(body[at:])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler
