"""What a process needs to answer requests: encoder, searcher, and the indexes of one store, each kept current."""

import time
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Self

from handler.encoder import Encoder
from handler.errors import IndexNotFound, IndexUnavailable, StoreError
from handler.index.index_version import IndexVersion
from handler.search.searcher import Searcher
from handler.settings import SettingError, Settings
from handler.storage.store import Store
from handler.versions.live_index import LiveIndex
from handler.versions.repository import IndexRepository, index_names


@dataclass(frozen=True, slots=True)
class Service:
    """The parts, ready to use; `open` makes them from settings."""

    settings: Settings
    encoder: Encoder
    searcher: Searcher
    store: Store
    _indexes: dict[str, LiveIndex] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Load the model and connect the store; an index is opened when it is first asked for.

        Raises:
            SettingError: no store is set.
            ModelError: there is no usable model bundle.
            StoreError: the store's URL can't be used.
        """
        if not settings.store:
            raise SettingError(
                "QUERYTOWER_STORE is not set; set it to the folder or URL that holds the indexes"
            )
        store = Store.open(settings.store, timeout=settings.store_timeout)
        encoder = Encoder.open(settings.model_folder, settings.threads)
        return cls(settings, encoder, Searcher(encoder, settings.cached_queries), store)

    def index(self, name: str = "") -> IndexVersion:
        """Return the published version of an index, by default of the one that the settings name.

        Raises:
            IndexNotFound: the store has none of this name, and the settings don't promise it.
            IndexUnavailable: there is none that can be used.
            StoreError: the store fails, and no version was open yet.
        """
        name = name or self.settings.index
        promised = name == self.settings.index
        try:
            live = self.live(name)
        except StoreError:
            if promised:
                raise
            raise _not_found(name) from None
        try:
            return live.current()
        except IndexUnavailable:
            if promised or name in self.index_names():
                raise
            with self._lock:  # callers may ask for any name: none of them is kept
                self._indexes.pop(name, None)
            raise _not_found(name) from None

    def live(self, name: str = "") -> LiveIndex:
        """Return what keeps an index current, by default the one that the settings name.

        Raises:
            StoreError: nothing can have this name.
        """
        name = name or self.settings.index
        with self._lock:
            if name not in self._indexes:
                self._indexes[name] = LiveIndex(
                    IndexRepository(self.store, name),
                    cache=self.settings.cache_folder,
                    fingerprint=self.encoder.manifest.fingerprint,
                    poll_seconds=self.settings.poll_seconds,
                )
            return self._indexes[name]

    def reconnect(self, seconds: float) -> None:
        """Drop all connections to the store, and let every open index look for a newer version.

        That is waited for `seconds` at most; what takes longer goes on in the background.
        """
        renewed = replace(self.store)  # a copy connects anew
        limit = time.monotonic() + seconds
        for live in list(self._indexes.values()):
            live.reconnect(renewed, max(0.0, limit - time.monotonic()))

    def index_names(self) -> list[str]:
        """Return the names of all published indexes of the store."""
        return index_names(self.store)


def _not_found(name: str) -> IndexNotFound:
    return IndexNotFound(f"there is no index {name!r}; /indexes lists those that there are")
