"""A corpus that is one file behind an HTTP or HTTPS URL."""

import hashlib
import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import IO, Self
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
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

from handler.corpus.listing import CorpusObject
from handler.corpus.names import KINDS, is_corpus_name
from handler.errors import CorpusChanged, CorpusError

MAX_BYTES = 20 << 30
BLOCK = 1 << 20
ATTEMPTS = 3
PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebCorpus:
    """The file at `address`; a server that knows ETags sends it only when it changed.

    `timeout` bounds each silence of the server, in seconds, and `max_bytes` what it may send.
    """

    address: str
    name: str
    timeout: float = 30.0
    max_bytes: int = MAX_BYTES
    pause: float = 1.0
    _copies: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def open(cls, address: str) -> Self:
        """Check the URL.

        Raises:
            CorpusError: it holds a password, or its path ends like an image, code or the like.
        """
        parts = urlsplit(address)
        name = PurePosixPath(unquote(parts.path)).name
        if "@" in parts.netloc or not parts.hostname:
            raise CorpusError(
                f"{parts.scheme}://…: a corpus URL names a host, and no password; correct it"
            )
        if name and not is_corpus_name(name):
            raise CorpusError(
                f"{_shown(address)} ends like a file of another kind; a corpus is {KINDS}"
            )
        return cls(address=address, name=name or "corpus")

    @property
    def url(self) -> str:
        """The URL without its query, which may be a signature."""
        return _shown(self.address)

    def objects(self, known: Mapping[str, str], scratch: Path) -> list[CorpusObject]:
        """Return the file, after fetching it unless it has the ETag that is `known`.

        Raises:
            CorpusError: the server fails, repeatedly, or sends too much or less than announced.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return [self._fetch(known.get(self.name), scratch / f"web-{self.name[-100:]}")]
            except HTTPError as error:
                if attempt == ATTEMPTS or not (error.code >= 500 or error.code in PASSING):
                    raise self._failed(f"the server answers {error.code} {error.reason}") from None
            except (URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                if attempt == ATTEMPTS:
                    raise self._failed(
                        str(getattr(error, "reason", error)) or type(error).__name__
                    ) from None
            time.sleep(self.pause * 2 ** (attempt - 1))
        raise AssertionError

    @contextmanager
    def opened(self, item: CorpusObject, scratch: Path) -> Iterator[Path]:
        """Lend the file that `objects` fetched, or fetch it now."""
        if item.etag not in self._copies and self.objects({}, scratch)[0].etag != item.etag:
            raise CorpusChanged(f"{self.url} was replaced while it was read; run again")
        yield self._copies[item.etag]

    def _fetch(self, etag: str | None, to: Path) -> CorpusObject:
        headers = {"Accept-Encoding": "identity", "User-Agent": "querytower"} | (
            {"If-None-Match": etag} if etag else {}
        )
        try:
            request = Request(self.address, headers=headers)  # noqa: S310
            with _opener().open(request, timeout=self.timeout) as answer:
                announced = int(answer.headers.get("Content-Length") or -1)
                if announced > self.max_bytes:
                    raise self._failed(f"{announced:,} bytes are more than {self.max_bytes:,}")
                size, digest = self._copy(answer, to)
                new = answer.headers.get("ETag") or f"sha256:{digest}"
        except HTTPError as error:
            if etag and error.code == HTTPStatus.NOT_MODIFIED:
                return CorpusObject(self.name, etag, 0)
            raise
        if announced >= 0 and size != announced:
            raise http.client.IncompleteRead(b"", announced - size)
        self._copies[new] = to
        return CorpusObject(self.name, new, size)

    def _copy(self, answer: IO[bytes], to: Path) -> tuple[int, str]:
        digest, size = hashlib.sha256(), 0
        with to.open("wb") as file:
            while block := answer.read(BLOCK):
                size += len(block)
                if size > self.max_bytes:
                    raise self._failed(f"it sends more than {self.max_bytes:,} bytes")
                digest.update(block)
                file.write(block)
        return size, digest.hexdigest()

    def _failed(self, problem: str) -> CorpusError:
        return CorpusError(
            f"{self.url} can't be read: {problem}; check the URL and the server, then run again"
        )


def _opener() -> OpenerDirector:
    """Return a client for HTTP alone: a redirect leads neither to files nor to FTP."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler,
        UnknownHandler,
        HTTPHandler,
        HTTPSHandler,
        HTTPRedirectHandler,
        HTTPDefaultErrorHandler,
        HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


def _shown(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
