"""What a process needs to answer requests: encoder, searcher, and the indexes of one store."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from handler.bundle import ModelFiles
from handler.encoder import Encoder
from handler.index.engine import Engine
from handler.search.rerank import RerankSettings, SecondStage
from handler.search.searcher import Searcher
from handler.settings import Settings
from handler.storage.configured import open_store
from handler.storage.store import Store
from handler.versions.live_index import LiveIndex
from handler.versions.live_indexes import LiveIndexes
from handler.versions.names import index_names
from handler.versions.remote_files import CacheLimits
from handler.versions.repository import IndexRepository

if TYPE_CHECKING:
    from handler.reranker import Reranker


@dataclass(kw_only=True)
class Service:
    """The parts, ready to use; `open` makes them from settings."""

    settings: Settings
    encoder: Encoder
    searcher: Searcher
    store: Store
    reranker: "Reranker | None" = None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Load the model and connect the store; an index is opened when it is first asked for.

        Raises:
            SettingError: no store is set.
            ModelError: there is no usable model bundle.
            StoreError: the store's URL can't be used.
        """
        store = open_store(settings)
        encoder = Encoder.open(settings.model_folder, settings.threads)
        reranker = open_reranker(settings)
        return cls(
            settings=settings,
            encoder=encoder,
            searcher=Searcher(encoder, settings.cached_queries, second_stage(settings, reranker)),
            reranker=reranker,
            store=store,
        )

    @cached_property
    def indexes(self) -> LiveIndexes:
        """The indexes that are open."""
        settings = self.settings
        return LiveIndexes(
            self.store,
            self._live,
            default=settings.index,
            most=settings.max_indexes,
            most_bytes=settings.max_index_bytes,
            missing_seconds=settings.poll_seconds,
        )

    def _live(self, repository: IndexRepository) -> LiveIndex:
        return LiveIndex(
            repository,
            cache=self.settings.cache_folder,
            fingerprint=self.encoder.manifest.fingerprint,
            poll_seconds=self.settings.poll_seconds,
            limits=CacheLimits(
                whole=self.settings.whole_bytes,
                fill=self.settings.fill_bytes,
                blocks=self.settings.block_bytes,
            ),
        )

    def index(self, name: str = "") -> Engine:
        """Return the published version of an index, by default of the one in the settings.

        Raises:
            IndexNotFound: the store has no index of this name, and it is not the one in the settings.
            IndexUnavailable: no usable version is published.
            StoreError: the store fails, and no version is open yet.
        """
        return self.indexes.current(name or self.settings.index)

    def live(self, name: str = "") -> LiveIndex:
        """Return what keeps an index current, by default the one in the settings.

        Raises:
            StoreError: `name` can't name an index.
        """
        return self.indexes.live(name or self.settings.index)

    def reconnect(self, seconds: float) -> None:
        """Connect to the store again, and let every open index look for a newer version.

        Wait `seconds` at most; what takes longer continues in the background.
        """
        self.store = replace(self.store)  # a copy has connections of its own
        self.indexes.reconnect(self.store, seconds)

    def index_names(self) -> list[str]:
        """Return the names of all published indexes of the store."""
        return index_names(self.store)


def open_reranker(settings: Settings) -> "Reranker | None":
    """Open the reranker of the model bundle, if it has one.

    Raises:
        ModelError: it has one that can't be used.
    """
    folder = settings.model_folder / ModelFiles.RERANKER
    if not folder.is_dir():
        return None
    from handler.reranker import Reranker

    return Reranker.open(folder, settings.threads)


def second_stage(settings: Settings, reranker: "Reranker | None") -> SecondStage:
    """Return the second stage of searches, as set."""
    return SecondStage(reranker, RerankSettings(settings.rerank, settings.rerank_seconds))
