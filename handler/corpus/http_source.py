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
from urllib.request import Request

from handler.corpus.bounds import DEFAULT_BOUNDS, Bounds
from handler.corpus.listing import CorpusObject
from handler.corpus.names import KINDS, is_corpus_name
from handler.corpus.web_client import OutOfPatience, Refused, WebClient, WebRules
from handler.errors import CorpusChanged, CorpusError
from handler.urls import shown_url

BLOCK = 1 << 20
ATTEMPTS = 3
PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebCorpus:
    """The file at `address`; a server that knows ETags sends it only when it changed.

    It may have as many bytes as the `bounds` allow.
    """

    address: str
    name: str
    rules: WebRules = field(default_factory=WebRules)
    bounds: Bounds = DEFAULT_BOUNDS
    pause: float = 1.0
    _copies: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def open(cls, address: str, rules: WebRules, bounds: Bounds = DEFAULT_BOUNDS) -> Self:
        """Check the URL.

        Raises:
            CorpusError: it is malformed, holds a password, or ends like an image, code or the like.
        """
        try:
            parts = urlsplit(address)
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        plain = address.isascii() and address.isprintable() and " " not in address
        if "@" in parts.netloc or not parts.hostname or not plain:
            raise CorpusError(
                f"{shown_url(address)}: a corpus URL names a host, has no password, and is written "
                "with % signs where it has spaces or letters beyond ASCII; correct it"
            )
        name = PurePosixPath(unquote(parts.path)).name
        if name and not is_corpus_name(name):
            raise CorpusError(
                f"{shown_url(address)} ends like a file of another kind; a corpus is {KINDS}"
            )
        return cls(address=address, name=name or "corpus", rules=rules, bounds=bounds)

    @property
    def url(self) -> str:
        """The URL without its query, which may be a signature."""
        return shown_url(self.address)

    def objects(self, known: Mapping[str, str], scratch: Path) -> list[CorpusObject]:
        """Return the file, after fetching it unless it has the ETag that is `known`.

        Raises:
            CorpusError: the server fails, repeatedly, or sends too much or less than announced.
        """
        end = time.monotonic() + self.rules.seconds
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return [self._fetch(known.get(self.name), scratch / "web-object", end)]
            except Refused as problem:
                raise CorpusError(f"{self.url} can't be read: {problem}") from None
            except OutOfPatience:
                raise CorpusError(
                    f"{self.url} can't be read: it did not arrive within "
                    f"{self.rules.seconds:g} s; raise QUERYTOWER_CORPUS_TIMEOUT, or split the corpus"
                ) from None
            except HTTPError as error:
                if attempt == ATTEMPTS or not (error.code >= 500 or error.code in PASSING):
                    raise self._failed(f"the server answers {error.code}") from None
            except (OSError, http.client.HTTPException) as error:
                if attempt == ATTEMPTS:
                    raise self._failed(_in_words(error)) from None
            time.sleep(self.pause * 2 ** (attempt - 1))
        raise AssertionError

    @contextmanager
    def opened(self, item: CorpusObject, scratch: Path) -> Iterator[Path]:
        """Lend the file that `objects` fetched, or fetch it now."""
        if item.etag not in self._copies and self.objects({}, scratch)[0].etag != item.etag:
            raise CorpusChanged(f"{self.url} was replaced while it was read; run again")
        yield self._copies[item.etag]

    def _fetch(self, etag: str | None, to: Path, end: float) -> CorpusObject:
        headers = {"Accept-Encoding": "identity", "User-Agent": "querytower"} | (
            {"If-None-Match": etag} if etag else {}
        )
        try:
            request = Request(self.address, headers=headers)  # noqa: S310
            with WebClient(self.address, self.rules, end).open(request) as answer:
                length = answer.headers.get("Content-Length") or ""
                announced = int(length) if length.isdecimal() else -1
                if announced > self.bounds.object_bytes:
                    raise self._too_large(f"{announced:,} bytes are")
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
                if size > self.bounds.object_bytes:
                    raise self._too_large("it sends")
                digest.update(block)
                file.write(block)
        return size, digest.hexdigest()

    def _too_large(self, what: str) -> CorpusError:
        return CorpusError(
            f"{self.url} can't be read: {what} more than {self.bounds.object_bytes:,} bytes; "
            "split the corpus, or raise QUERYTOWER_MAX_OBJECT_BYTES"
        )

    def _failed(self, problem: str) -> CorpusError:
        return CorpusError(
            f"{self.url} can't be read: {problem}; check the URL and the server, then run again"
        )


def _in_words(error: OSError | http.client.HTTPException) -> str:
    """Return what failed. Answers of servers and requests are not repeated: they may hold secrets."""
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return "the server was silent for too long"
    if isinstance(reason, http.client.IncompleteRead | http.client.RemoteDisconnected):
        return "the server broke off in the middle"
    if isinstance(reason, OSError):
        return reason.strerror or type(reason).__name__
    return f"the answer is not HTTP ({type(reason).__name__})"
