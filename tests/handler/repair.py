"""An index whose corpus has changed, a reader of it, and what must be true after any fault."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from handler.encoder import Encoder
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from handler.versions.lease import LeaseConfig
from handler.versions.live_index import LiveIndex
from tests.handler.reindexing import Counting, Place, record
from tests.proxy import Proxy
from tests.s3 import S3Server, environment


@pytest.fixture
def proxy(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy(s3_server.url) as proxy:
        for name, value in environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def at_home(encoder: Encoder, tmp_path: Path) -> Place:
    """An index in a folder, and a corpus that has changed since."""
    return changed(Place(tmp_path, Counting(encoder)))


@pytest.fixture
def place(encoder: Encoder, proxy: Proxy, s3_server: S3Server, tmp_path: Path) -> Place:
    """The same in a bucket behind the proxy."""
    return changed(Place(tmp_path, Counting(encoder), f"s3://{s3_server.create_bucket()}/store"))


def changed(place: Place) -> Place:
    place.write("a.jsonl", [record(f"a{n}") for n in range(8)])
    place.run()
    place.write("b.jsonl", [record(f"b{n}") for n in range(4)])
    return place


class Reader:
    """A warm search function."""

    def __init__(self, place: Place) -> None:
        fingerprint = place.encoder.manifest.fingerprint
        cache = place.folder / "cache"
        self.live = LiveIndex(
            place.repository, cache=cache, fingerprint=fingerprint, poll_seconds=0
        )
        self.searcher = Searcher(place.encoder)

    def answer(self) -> tuple[str, set[str]]:
        """Return the version that answers and the ids that it finds."""
        index = self.live.current()
        hits = self.searcher.search(index, SearchRequest(query="The a1", k=50)).hits
        return index.manifest.version, {hit.document.id for hit in hits}


def expect_repair(place: Place, reader: Reader, old: str) -> None:
    """Expect that the old version still answers, and that a good run repairs everything."""
    version, found = reader.answer()
    assert (version, len(found)) == (old, 8)
    assert place.version() == old
    outcome = place.run(lease=LeaseConfig(clock=lambda: time.time() + 300))
    assert outcome.kind == "published"
    reader.live.refresh()
    version, found = reader.answer()
    assert (version, len(found)) == (outcome.version, 12)
    assert place.run().kind == "unchanged"
    assert not [path for path in place.paths() if path.startswith("work/")]
