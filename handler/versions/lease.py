"""One run at a time: a lease in the store, which its holder renews and which expires if the holder dies."""

import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from handler.errors import LeaseHeld, LostRace, ObjectNotFound, StoreError
from handler.versions.repository import IndexRepository


@dataclass(frozen=True, slots=True)
class LeaseConfig:
    """How long a lease lasts after each renewal, and how far clocks of two machines may lie apart, in seconds.

    `clock` returns the seconds since 1970.
    """

    seconds: float = 60.0
    skew: float = 30.0
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease, by its own clock until when (seconds since 1970), and since when."""

    name: str
    expires: float
    since: str

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the content of a lease; what can't be read belongs to nobody."""
        try:
            raw = json.loads(data)
            return cls(str(raw["holder"]), float(raw["expires"]), str(raw["since"]))
        except (ValueError, KeyError, TypeError):
            return cls("", 0.0, "")


class Lease:
    """The right to make a version of an index. Use it as a context manager: a thread renews it meanwhile.

    Clocks decide only whether a lease looks dead. Should they be wrong, and two runs both believe that
    they hold it, the slower one finds out before it publishes, and publishing is a compare-and-swap anyway.
    """

    def __init__(self, repository: IndexRepository, holder: str, terms: LeaseConfig) -> None:
        """Prepare; `take` makes one."""
        self._store = repository.store
        self._path = repository.layout.lease
        self._index = repository.name
        self._holder = holder
        self._terms = terms
        self._since = datetime.fromtimestamp(terms.clock(), UTC).isoformat(timespec="seconds")
        self._etag = ""
        self._unsure = b""
        self._lock = Lock()
        self._ended = Event()
        self._thread = Thread(target=self._renew_regularly, name="lease", daemon=True)

    @classmethod
    def take(
        cls, repository: IndexRepository, *, holder: str = "", terms: LeaseConfig | None = None
    ) -> Self:
        """Take the lease of an index.

        Raises:
            LeaseHeld: somebody else has it.
            StoreError: the store can't be written.
        """
        lease = cls(repository, holder or this_process(), terms or LeaseConfig())
        try:
            lease._etag = lease._acquire()
        except LostRace:
            raise lease._held(Holder.parse(repository.store.get(lease._path)[0])) from None
        return lease

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        # Whoever can't give it back lets it expire.
        with suppress(StoreError):
            self._write(self._content(0.0))

    def check(self) -> None:
        """Renew the lease now.

        Raises:
            LostRace: somebody else took it, as it looked dead.
            StoreError: the store can't be written.
        """
        try:
            self._write(self._content(self._terms.seconds))
        except LostRace:
            raise LostRace(
                f"another run took the lease of index {self._index!r} meanwhile; nothing was published; "
                "let that run finish, and compare the clocks of both machines"
            ) from None

    def _write(self, content: bytes) -> None:
        with self._lock:
            try:
                self._etag = self._store.replace(self._path, content, self._etag)
            except LostRace:
                found, etag = self._store.get(self._path)
                if found != self._unsure:
                    raise
                self._etag = self._store.replace(self._path, content, etag)
            except StoreError:
                self._unsure = content  # it may have been written for all that
                raise

    def _acquire(self) -> str:
        content = self._content(self._terms.seconds)
        try:
            data, etag = self._store.get(self._path)
        except ObjectNotFound:
            return self._store.create(self._path, content)
        holder = Holder.parse(data)
        if not self._looks_dead(holder, etag):
            raise self._held(holder)
        return self._store.replace(self._path, content, etag)

    def _looks_dead(self, holder: Holder, etag: str) -> bool:
        left = holder.expires - self._terms.clock()
        if left <= self._terms.seconds + self._terms.skew:
            return left < -self._terms.skew or not holder.expires
        # No lease lasts that long: the clocks are apart, and only watching tells whether it is being renewed.
        time.sleep(self._terms.seconds)
        return self._store.get_if_changed(self._path, etag) is None

    def _held(self, holder: Holder) -> LeaseHeld:
        until = (
            datetime.fromtimestamp(holder.expires, UTC).isoformat(timespec="seconds")
            if holder.expires
            else "now"
        )
        return LeaseHeld(
            f"index {self._index!r} in {self._store.url} is being worked on by {holder.name or 'another run'} "
            f"since {holder.since or 'just now'}; wait until it has finished, or, if it died, until {until}"
        )

    def _renew_regularly(self) -> None:
        while not self._ended.wait(self._terms.seconds / 3):
            try:
                self.check()
            except LostRace:
                return  # the run finds out for itself at its next check
            except StoreError:
                continue

    def _content(self, seconds: float) -> bytes:
        expires = self._terms.clock() + seconds if seconds else 0.0
        # The nonce makes every renewal change the ETag, which on object stores follows the content.
        fields = {
            "holder": self._holder,
            "since": self._since,
            "expires": expires,
            "nonce": token_hex(8),
        }
        return (json.dumps(fields, indent=2) + "\n").encode()


def this_process() -> str:
    """Name this process for whoever meets its lease."""
    place = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME") or f"process {os.getpid()}"
    return f"{place} on {socket.gethostname()}"
