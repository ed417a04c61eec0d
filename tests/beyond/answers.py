"""What an engine answers, and the index that follows its versions."""

from typing import Any

from handler.index.engine import Engine
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from handler.versions.live_index import LiveIndex
from tests.handler.reindexing import QUERIES, Place


def live(place: Place) -> LiveIndex:
    return LiveIndex(
        place.repository,
        cache=place.folder / "cache",
        fingerprint=place.encoder.manifest.fingerprint,
        poll_seconds=0.0,
    )


def ids(place: Place, engine: Engine, **wish: Any) -> list[str]:
    request = SearchRequest(**{"query": QUERIES[0], "k": 100, **wish})
    return [hit.document.id for hit in Searcher(place.encoder).search(engine, request).hits]
