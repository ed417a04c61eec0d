"""An HTTP client that goes only where it may, and stops when its time is up."""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from threading import Timer
from typing import IO, Any, cast
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

MAX_HOST_CHARS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRules:
    """Where a corpus URL may lead, and how long that may take.

    Attributes:
        hosts: hosts to which a redirect may lead beside the one of the URL, in lower case.
        seconds: time that the whole object may take.
        silence: seconds for which the server may send nothing.
    """

    hosts: frozenset[str] = frozenset()
    seconds: float = 600.0
    silence: float = 30.0


class Refused(Exception):
    """A server redirects to where the client must not go; the text says where, and the remedy."""


class OutOfPatience(Exception):
    """An object did not arrive in time."""


class WebClient:
    """Fetches one URL, once. It knows HTTP alone: no redirect leads to files or to FTP.

    Redirects lead to the same host, or to those that the rules name; never from https to http, and
    never to an address that is not public, unless the URL's own is none either. The address of
    each connection is checked, not that of a name, which may change between two look-ups.
    """

    def __init__(self, address: str, rules: WebRules, end: float) -> None:
        """Prepare to fetch `address` until the time `end` of the monotonic clock."""
        self._host = urlsplit(address).hostname or ""
        self._rules = rules
        self._end = end
        self._redirected = False
        self._proxied = False
        self._private_origin = False
        self._expired = False
        self._sockets: list[socket.socket] = []

    @contextmanager
    def open(self, request: Request) -> Iterator[HTTPResponse]:
        """Send the request, and lend the answer.

        Raises:
            Refused: a redirect leads where it must not.
            OutOfPatience: time is up, which may also show in the block.
            HTTPError: the server answers with another status.
            OSError, http.client.HTTPException: the connection fails.
        """
        timer = Timer(max(self._end - time.monotonic(), 0.0), self._expire)
        timer.daemon = True
        timer.start()
        try:
            with _opener(self).open(request, timeout=self._rules.silence) as answer:
                yield answer
        except Exception:
            self._check_time()
            raise
        finally:
            timer.cancel()
            self._hang_up()
        self._check_time()

    def _check_time(self) -> None:
        if self._expired:
            raise OutOfPatience from None

    def _hang_up(self) -> None:
        while self._sockets:
            self._sockets.pop().close()

    def _expire(self) -> None:
        """End all connections, whatever they wait for."""
        self._expired = True
        for each in [*self._sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def connection(
        self, kind: type[HTTPConnection], request: Request
    ) -> Callable[..., HTTPConnection]:
        """Return a function that makes connections for `request`."""
        self._proxied = request.host != urlsplit(request.full_url).netloc

        def make(host: str, **options: Any) -> HTTPConnection:
            made = kind(host, **options)
            cast(Any, made)._create_connection = self._connect
            return made

        return make

    def follow(self, origin: str, target: str) -> None:
        """Note that `origin` redirects to `target`.

        Raises:
            Refused: it must not be followed.
        """
        if problem := redirect_problem(origin, target, {self._host, *self._rules.hosts}):
            raise Refused(problem)
        if not self._private_origin and _is_private(urlsplit(target).hostname or ""):
            raise Refused(_not_public(urlsplit(target).hostname or ""))
        self._redirected = True
        self._hang_up()

    def _connect(self, address: tuple[str, int], *rest: Any) -> socket.socket:
        made = socket.create_connection(address, *rest)
        self._sockets.append(made.dup())
        if self._expired:
            raise TimeoutError
        private = not self._proxied and _is_private(made.getpeername()[0])
        if self._redirected and private and not self._private_origin:
            made.close()
            raise Refused(_not_public(address[0]))
        if not self._redirected:
            self._private_origin = private
        return made


def redirect_problem(origin: str, target: str, hosts: set[str]) -> str:
    """Return why a redirect from `origin` to `target` is not followed, or an empty text.

    Args:
        origin: URL that redirects.
        target: URL to which it redirects.
        hosts: names of hosts that may be asked, in lower case.
    """
    before, after = urlsplit(origin), urlsplit(target)
    host = after.hostname or ""
    if before.scheme == "https" and after.scheme != "https":
        return "it redirects from https to http; give a URL that stays with https"
    if "@" in after.netloc:
        return "it redirects to a URL with a user name; give a URL without one"
    if host not in hosts:
        return (
            f"it redirects to another host, {_short(host)}; if you trust it, "
            "name it in QUERYTOWER_CORPUS_HOSTS"
        )
    return ""


def _not_public(host: str) -> str:
    return (
        f"it redirects to an address that is not public ({_short(host)}); "
        "give the URL of the object itself"
    )


def _short(host: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in host[:MAX_HOST_CHARS])


def _is_private(host: str) -> bool:
    """Tell whether this is an IP address that is loopback, private, link-local or reserved."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global


class _Http(HTTPHandler):
    def __init__(self, client: WebClient) -> None:
        super().__init__()
        self._client = client

    def http_open(self, request: Request) -> HTTPResponse:
        """Open a connection that the client watches."""
        return self.do_open(self._client.connection(HTTPConnection, request), request)


class _Https(HTTPSHandler):
    def __init__(self, client: WebClient) -> None:
        super().__init__()
        self._client = client

    def https_open(self, request: Request) -> HTTPResponse:
        """Open a connection that the client watches."""
        return self.do_open(self._client.connection(HTTPSConnection, request), request)


class _Redirects(HTTPRedirectHandler):
    def __init__(self, client: WebClient) -> None:
        self._client = client

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """Return the next request, if the client allows it."""
        fp.close()  # its body, which has no bound, would be read
        self._client.follow(req.full_url, newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(client: WebClient) -> OpenerDirector:
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        UnknownHandler(),
        _Http(client),
        _Https(client),
        _Redirects(client),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
