"""The indexes that a process has open; of too many, the least recently used are closed."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from handler.errors import CacheFull, IndexNotFound, StoreError
from handler.index.engine import Engine
from handler.storage.store import Store
from handler.versions.live_index import LiveIndex
from handler.versions.names import check_name
from handler.versions.repository import IndexRepository

MISSING_NAMES = 1000
"""Names of indexes that don't exist, which are remembered for a while."""


class LiveIndexes:
    """Opens indexes by name, which callers choose, within bounds of number, bytes and requests."""

    def __init__(
        self,
        store: Store,
        open_index: Callable[[IndexRepository], LiveIndex],
        *,
        default: str,
        most: int,
        most_bytes: int,
        missing_seconds: float,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            store: where the indexes are.
            open_index: makes what keeps an index current.
            default: name of the index that always stays open.
            most: indexes that may be open.
            most_bytes: bytes that their files may have.
            missing_seconds: how long a name is remembered that no index has.
        """
        self._store = store
        self._open_index = open_index
        self._default = default
        self._most = most
        self._most_bytes = most_bytes
        self._missing_seconds = missing_seconds
        self._open: OrderedDict[str, LiveIndex] = OrderedDict()
        self._missing: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    @property
    def names(self) -> set[str]:
        """Names of the indexes that are open."""
        return set(self._open)

    def current(self, name: str) -> Engine:
        """Return the published version of an index.

        Raises:
            IndexNotFound: the store has no index of this name, and it is not the default.
            IndexUnavailable: no usable version is published.
            StoreError: the store fails, and no version is open yet.
        """
        if name not in self._open and name != self._default:
            self._check_exists(name)
        while True:
            try:
                version = self.live(name).current()
            except CacheFull:
                if not self._close_one(name):
                    raise
            else:
                break
        while self._too_many() and self._close_one(name):
            pass
        return version

    def live(self, name: str) -> LiveIndex:
        """Return what keeps an index current, and note that it was used.

        Raises:
            StoreError: `name` can't name an index.
        """
        with self._lock:
            if name not in self._open:
                self._open[name] = self._open_index(IndexRepository(self._store, name))
            self._open.move_to_end(name)
            return self._open[name]

    def reconnect(self, store: Store, seconds: float) -> None:
        """Continue with another connection to the store, and let every index look for a newer version.

        Wait `seconds` at most; what takes longer continues in the background.
        """
        self._store = store
        limit = time.monotonic() + seconds
        for name, live in list(self._open.items()):
            live.reconnect(IndexRepository(store, name), max(0.0, limit - time.monotonic()))

    def _check_exists(self, name: str) -> None:
        """Raise IndexNotFound unless the store has an index of this name; one request tells."""
        missing = IndexNotFound(
            f"there is no index {name!r}; GET /indexes lists the available ones"
        )
        try:
            check_name(name)
        except StoreError:
            raise missing from None
        if self._missing.get(name, 0.0) > time.monotonic():
            raise missing
        if IndexRepository(self._store, name).pointer_file() is not None:
            return
        with self._lock:
            self._missing[name] = time.monotonic() + self._missing_seconds
            self._missing.move_to_end(name)
            while len(self._missing) > MISSING_NAMES:
                self._missing.popitem(last=False)
        raise missing

    def _too_many(self) -> bool:
        open_ = list(self._open.values())
        return len(open_) > self._most or sum(live.bytes for live in open_) > self._most_bytes

    def _close_one(self, kept: str) -> bool:
        """Close the index that was not used for longest, but not `kept`; tell whether there was one."""
        with self._lock:
            others = [name for name in self._open if name not in (kept, self._default)]
            if not others:
                return False
            oldest = self._open.pop(others[0])
        oldest.close()
        return True
