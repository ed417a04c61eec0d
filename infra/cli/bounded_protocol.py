"""HTTP for `querytower serve` with bounds for slow clients, which uvicorn leaves to a proxy."""

import asyncio
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class BoundedProtocol(H11Protocol):
    """One connection. A client that is too slow loses it; with too many, the one that waits longest.

    API Gateway has such bounds of its own, so the function needs none.
    """

    MAX_CONNECTIONS = 200
    # Seconds from the connection, or the last answer, to the end of the headers.
    HEADER_SECONDS = 10.0
    BODY_SECONDS = 30.0
    # Seconds in which a client takes nothing of an answer.
    SEND_SECONDS = 30.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Prepare for a connection, as uvicorn does."""
        super().__init__(*arguments, **options)
        self._awaited = ""
        self._since = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request; make room if there are too many connections."""
        super().connection_made(transport)
        self._await("headers", self.HEADER_SECONDS)
        _make_room(self.connections, self.MAX_CONNECTIONS)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._follow()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget all deadlines."""
        super().connection_lost(exc)
        self._await("", None)
        self._stop_sending()

    def pause_writing(self) -> None:
        """Give the client a while to take what was sent."""
        super().pause_writing()
        self._sending = self.loop.call_later(self.SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that the client took it."""
        super().resume_writing()
        self._stop_sending()

    @property
    def waits(self) -> bool:
        """Whether the client has to send something."""
        return bool(self._awaited)

    @property
    def since(self) -> float:
        """When that began, by the clock of the event loop."""
        return self._since

    def _follow(self) -> None:
        """Set the deadline of what the client has to send next."""
        if self.transport.is_closing():
            self._await("", None)
        elif self.cycle is None or self.cycle.response_complete:
            self._await("headers", self.HEADER_SECONDS)
        elif self.cycle.more_body:
            self._await("body", self.BODY_SECONDS)
        else:
            self._await("", None)

    def _await(self, part: str, seconds: float | None) -> None:
        if part == self._awaited:
            return
        if self._deadline:
            self._deadline.cancel()
        self._awaited, self._since = part, self.loop.time()
        self._deadline = None
        if seconds is not None:
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _stop_sending(self) -> None:
        if self._sending:
            self._sending.cancel()
            self._sending = None


def _make_room(connections: Iterable[Any], most: int) -> None:
    """Close the connection that waits longest, if there are more than `most`."""
    left = [each for each in connections if not each.transport.is_closing()]
    waiting = [each for each in left if each.waits]
    if len(left) > most and waiting:
        longest = min(waiting, key=lambda each: each.since)
        longest.transport.abort()
