"""What people did with an answer, as JSON lines: in the log and, if wanted, in the store."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic_core import to_json

from handler.errors import QuerytowerError
from handler.log import log
from handler.storage.store import Store

FOLDER = "events"
EVENT = "user_event"
# Events wait in memory until there are so many, or the first has waited so long.
MOST = 100
SECONDS = 60.0


class EventLog:
    """Writes events; those that wait are lost with the process, from the store but not the log."""

    def __init__(self, store: Callable[[], Store] | None) -> None:
        """Take the function that returns the store, or None to write to the log alone."""
        self._store = store
        self._waiting: list[dict[str, Any]] = []
        self._since = 0.0

    def add(self, events: list[dict[str, Any]]) -> None:
        """Write events of now."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for each in events:
            line = {"time": now, **each}
            log(EVENT, **line)
            if self._store:
                self._since = self._since or time.monotonic()
                self._waiting.append({"event": EVENT, **line})
        late = self._waiting and time.monotonic() - self._since >= SECONDS
        if late or len(self._waiting) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Write what waits as one object of the store; if that fails, the log says so."""
        lines, self._waiting, self._since = self._waiting, [], 0.0
        if not lines or not self._store:
            return
        path = f"{FOLDER}/{datetime.now(UTC):%Y-%m-%d/%H%M%S}-{uuid4().hex[:8]}.jsonl"
        try:
            self._store().put(path, b"".join(to_json(line) + b"\n" for line in lines))
        except QuerytowerError as error:
            log("events_not_stored", problem=str(error), events=len(lines))
