"""One run at a time: a lease in the store, which its holder renews and which expires if it dies."""

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
from typing import Annotated, Self

from handler.errors import LeaseHeld, LostRace, ObjectNotFound, StoreError
from handler.stored_json import Garbled, Name, bound, read_json
from handler.versions.layout import Layout
from handler.versions.repository import IndexRepository

# The last second that Python's dates know.
MAX_TIME = 253_402_300_799


@dataclass(frozen=True, slots=True)
class LeaseConfig:
    """How long a lease lasts after each renewal, and how far two clocks may differ, in seconds.

    `clock` returns the seconds since 1970.
    """

    seconds: float = 60.0
    skew: float = 30.0
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease, until when by its own clock (seconds since 1970), and since when."""

    holder: Name
    expires: Annotated[float, bound(ge=0, le=MAX_TIME, allow_inf_nan=False)]
    since: Name

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the content of a lease; nobody holds one that can't be read."""
        try:
            return read_json(cls, data)
        except Garbled:
            return cls("", 0.0, "")


class Lease:
    """The right to make a version of an index, as a context manager that renews it in a thread.

    Clocks only decide whether a lease looks dead. If they are wrong and two runs both believe that
    they hold the lease, the slower one finds out before it publishes. Publishing is a
    compare-and-swap in any case.
    """

    def __init__(self, repository: IndexRepository, holder: str, config: LeaseConfig) -> None:
        """Prepare a lease that is not taken yet; `take` returns one that is."""
        self._repository = repository
        self._folder = repository.folder
        self._holder = holder
        self._config = config
        self._since = _time_text(config.clock())
        self._etag = ""
        self._unconfirmed = b""
        self._lock = Lock()
        self._ended = Event()
        self._thread = Thread(target=self._renew_regularly, name="lease", daemon=True)

    @classmethod
    def take(
        cls, repository: IndexRepository, *, holder: str = "", config: LeaseConfig | None = None
    ) -> Self:
        """Take the lease of an index.

        Raises:
            LeaseHeld: another run has it.
            StoreError: the store can't be written.
        """
        lease = cls(repository, holder or this_process(), config or LeaseConfig())
        try:
            lease._etag = lease._acquire()
        except LostRace:
            raise lease._held(Holder.parse(lease._folder.get(Layout.LEASE)[0])) from None
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
        with suppress(StoreError):  # a lease that can't be given back expires
            self._write(self._content(0.0))

    def check(self) -> None:
        """Renew the lease now.

        Raises:
            LostRace: another run took it, because it looked dead.
            StoreError: the store can't be written.
        """
        try:
            self._write(self._content(self._config.seconds))
        except LostRace:
            raise LostRace(
                f"another run took the lease of index {self._repository.name!r} meanwhile; "
                "nothing was published; let that run finish, "
                "and compare the clocks of both machines"
            ) from None

    def _write(self, content: bytes) -> None:
        with self._lock:
            try:
                self._etag = self._folder.replace(Layout.LEASE, content, self._etag)
            except LostRace:
                found, etag = self._folder.get(Layout.LEASE)
                if found != self._unconfirmed:
                    raise
                self._etag = self._folder.replace(Layout.LEASE, content, etag)
            except StoreError:
                self._unconfirmed = content  # it may have been written nevertheless
                raise

    def _acquire(self) -> str:
        content = self._content(self._config.seconds)
        try:
            data, etag = self._folder.get(Layout.LEASE)
        except ObjectNotFound:
            return self._folder.create(Layout.LEASE, content)
        holder = Holder.parse(data)
        if not self._looks_dead(holder, etag):
            raise self._held(holder)
        return self._folder.replace(Layout.LEASE, content, etag)

    def _looks_dead(self, holder: Holder, etag: str) -> bool:
        left = holder.expires - self._config.clock()
        if left <= self._config.seconds + self._config.skew:
            return left < -self._config.skew or not holder.expires
        # No lease lasts that long, so the clocks differ. Only watching shows whether it is renewed.
        time.sleep(self._config.seconds)
        return self._folder.get_if_changed(Layout.LEASE, etag) is None

    def _held(self, holder: Holder) -> LeaseHeld:
        until = _time_text(holder.expires) if holder.expires else "now"
        index, url = self._repository.name, self._repository.store.url
        return LeaseHeld(
            f"{holder.holder or 'another run'} has been working on index {index!r} in {url} "
            f"since {holder.since or 'just now'}; "
            f"wait until it has finished, or, if it died, until {until}"
        )

    def _renew_regularly(self) -> None:
        while not self._ended.wait(self._config.seconds / 3):
            try:
                self.check()
            except LostRace:
                return  # the run finds out at its next check
            except StoreError:
                continue

    def _content(self, seconds: float) -> bytes:
        fields = {
            "holder": self._holder,
            "since": self._since,
            "expires": self._config.clock() + seconds if seconds else 0.0,
            # Every renewal must change the ETag, which follows the content in object storage.
            "nonce": token_hex(8),
        }
        return (json.dumps(fields, indent=2) + "\n").encode()


def this_process() -> str:
    """Return a name of this process for the runs that find its lease."""
    place = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME") or f"process {os.getpid()}"
    return f"{place} on {socket.gethostname()}"


def _time_text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
