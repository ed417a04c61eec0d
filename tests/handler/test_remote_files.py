"""Large indexes answer from ranges of their files, whatever happens to the store meanwhile."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

import handler.versions.remote_files
from handler.app import create_app
from handler.encoder import Encoder
from handler.errors import StoreError
from handler.index.block_file import BLOCK, sums_of
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles, IndexManifest
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from handler.service import Service
from handler.settings import Settings
from handler.storage.store import Store
from handler.versions.live_index import LiveIndex
from handler.versions.prune import prune
from handler.versions.remote_file import RemoteFile, Traffic
from handler.versions.remote_files import CacheLimits
from handler.versions.repository import IndexRepository
from handler.versions.stored_folder import StoredFolder
from tests.handler.indexes import build, document
from tests.handler.repair import proxy
from tests.proxy import Fault, Proxy
from tests.s3 import S3Server

__all__ = ["proxy"]

QUERY = SearchRequest(query="lighthouse", k=5)
READ_ONLY = CacheLimits(whole=0, fill=0)


@pytest.fixture(scope="module")
def version(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    """Return a version whose stored documents fill many blocks."""
    rng = random.Random(1)
    documents = [document(n, f"lighthouse {n} {rng.randbytes(500).hex()}") for n in range(300)]
    return build(tmp_path_factory.mktemp("built") / "v", documents, encoder)


class Shelf:
    """A version in a bucket behind a proxy, and caches of it."""

    def __init__(
        self, version: IndexVersion, encoder: Encoder, url: str, proxy: Proxy, folder: Path
    ) -> None:
        self.encoder = encoder
        self.version = version
        self.proxy = proxy
        self.folder = folder
        self.url = url
        self.repository = IndexRepository(Store.open(url, timeout=2, retries=1), "default")
        self.repository.upload(version.folder, version.manifest)
        self.repository.publish(version.manifest.version, None)
        self.stored = version.manifest.files["segments/0/stored.bin"].sha256

    def live(self, limits: CacheLimits = READ_ONLY, cache: str = "cache") -> LiveIndex:
        return LiveIndex(
            self.repository,
            cache=self.folder / cache,
            fingerprint=self.encoder.manifest.fingerprint,
            poll_seconds=3600,
            limits=limits,
        )

    def found(self, index: object) -> list[str]:
        assert isinstance(index, IndexVersion)
        return [hit.document.text for hit in Searcher(self.encoder).search(index, QUERY).hits]

    def requests(self, sha256: str) -> int:
        return sum(sha256 in each.path for each in self.proxy.requests)

    def cached(self, name: str, cache: str = "cache") -> bool:
        return any(path.name == name for path in (self.folder / cache).glob("*/[!.]*/*/*/*"))


@pytest.fixture
def shelf(
    version: IndexVersion, encoder: Encoder, s3_server: S3Server, proxy: Proxy, tmp_path: Path
) -> Shelf:
    url = f"s3://{s3_server.create_bucket()}/store"
    return Shelf(version, encoder, url, proxy, tmp_path)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler.versions.remote_files, "FILL_DELAY", 0.0)
    monkeypatch.setattr(handler.versions.remote_files, "FILL_RETRY", 0.05)


def wait_for(shelf: Shelf, name: str = IndexFiles.STORED) -> None:
    limit = time.monotonic() + 30
    while not shelf.cached(name):
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_the_first_answer_fetches_what_it_shows_only(shelf: Shelf) -> None:
    live = shelf.live()
    assert shelf.found(live.current()) == shelf.found(shelf.version)
    size = shelf.version.manifest.files["segments/0/stored.bin"].bytes
    whole = sum(each.bytes for each in shelf.version.manifest.files.values())
    assert 1 <= shelf.requests(shelf.stored) <= 5
    assert live.traffic.bytes < whole - size / 2
    assert not shelf.cached(IndexFiles.STORED)
    assert not shelf.cached(IndexFiles.HASHES)
    before = shelf.requests(shelf.stored)
    shelf.found(live.current())
    assert shelf.requests(shelf.stored) == before
    assert live.traffic.hit_rate == 0.5


def test_vectors_are_read_in_blocks_too(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler.versions.remote_files, "EXACT_UP_TO", 10)
    live = shelf.live()
    assert shelf.found(live.current()) == shelf.found(shelf.version)
    assert not shelf.cached(IndexFiles.VECTORS)
    vector = shelf.encoder.encode(["lighthouse"], "query")[0]
    rows = np.array([290, 3, 17])
    current = live.current()
    assert isinstance(current, IndexVersion)
    expected = shelf.version.vectors.cosines(vector, rows)
    assert np.array_equal(current.vectors.cosines(vector, rows), expected)


def test_a_small_index_is_fetched_whole(shelf: Shelf) -> None:
    live = shelf.live(CacheLimits())
    assert shelf.found(live.current()) == shelf.found(shelf.version)
    assert shelf.cached(IndexFiles.STORED)
    assert live.traffic.requests == 0


@pytest.mark.usefixtures("at_once")
def test_the_rest_arrives_in_the_background(shelf: Shelf) -> None:
    live = shelf.live(CacheLimits(whole=0))
    live.current()
    wait_for(shelf)
    shelf.proxy.faults.append(Fault("/files/", status=500))
    assert shelf.found(live.current()) == shelf.found(shelf.version)
    assert shelf.found(shelf.live().current()) == shelf.found(shelf.version), "another process"


@pytest.mark.usefixtures("at_once")
def test_the_background_goes_on_after_a_failure_and_holds_up_nobody(shelf: Shelf) -> None:
    fault = Fault(shelf.stored, "GET", cut=20)
    shelf.proxy.faults.append(fault)
    live = shelf.live(CacheLimits(whole=0))
    live.current()
    while shelf.requests(shelf.stored) < 4:
        time.sleep(0.01)
    assert not shelf.cached(IndexFiles.STORED)
    shelf.proxy.faults.clear()
    assert shelf.found(live.current()) == shelf.found(shelf.version)
    wait_for(shelf)


def test_a_range_that_breaks_off_is_fetched_again(shelf: Shelf) -> None:
    live = shelf.live()
    live.current()
    shelf.proxy.faults.append(Fault(shelf.stored, "GET", cut=20, times=1))
    assert shelf.found(live.current()) == shelf.found(shelf.version)
    assert shelf.proxy.faults[0].times == 0


def test_a_store_that_fails_is_named_and_the_next_request_works(
    shelf: Shelf, tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(
        store=shelf.url,
        model=str(tiny_model_dir),
        cache=str(shelf.folder / "served"),
        store_timeout=2,
        whole_bytes=0,
        fill_bytes=0,
    )
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service)) as client:
        assert client.get("/ready").json()["fetched"]["block_hit_rate"] == 1
        shelf.proxy.faults.append(Fault(shelf.stored, "GET", status=500))
        assert client.get("/search?q=lighthouse").status_code == 503
        assert shelf.url in capsys.readouterr().out, "the log names the store, no answer does"
        shelf.proxy.faults.clear()
        assert len(client.get("/search?q=lighthouse").json()["hits"]) == 10
        fetched = client.get("/ready").json()["fetched"]
        assert fetched["ranges"] > 0
        assert fetched["bytes"] > 0


def test_an_altered_block_is_noticed_and_a_mended_one_is_read(shelf: Shelf) -> None:
    live = shelf.live()
    live.current()
    path = f"indexes/default/files/{shelf.stored}"
    data = shelf.repository.store.get(path)[0]
    shelf.repository.store.put(path, bytes(byte ^ 1 for byte in data))
    with pytest.raises(StoreError, match=rf"{shelf.url}.*was altered"):
        shelf.found(live.current())
    shelf.repository.store.put(path, data)
    assert shelf.found(live.current()) == shelf.found(shelf.version)


FILLING = """
import sys, time
import handler.versions.remote_files as remote
from pathlib import Path
from handler.storage.store import Store
from handler.versions.live_index import LiveIndex
from handler.versions.repository import IndexRepository
url, cache, fingerprint = sys.argv[1:]
remote.FILL_DELAY = 0.0
live = LiveIndex(IndexRepository(Store.open(url), "default"), cache=Path(cache),
    fingerprint=fingerprint, poll_seconds=3600, limits=remote.CacheLimits(whole=0))
live.current()
print("filling", flush=True)
time.sleep(60)
"""


def test_a_process_killed_while_it_fills_leaves_nothing_half(shelf: Shelf) -> None:
    shelf.proxy.faults.append(Fault(shelf.stored, "GET", stall=(2000, 30)))
    cache = shelf.folder / "cache"
    command = [sys.executable, "-c", FILLING, shelf.url, str(cache)]
    command.append(shelf.encoder.manifest.fingerprint)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"filling\n"
        while not shelf.requests(shelf.stored):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert list(cache.glob("*/.*")), "its blocks are there"
    assert not shelf.cached(IndexFiles.STORED)
    shelf.proxy.faults.clear()
    live = shelf.live()
    assert shelf.found(live.current()) == shelf.found(shelf.version)
    assert len(list(cache.glob("*/.*"))) == 1, "what the killed one left is gone"
    del live


def test_an_old_version_is_read_on_while_others_are_published_and_pruned(
    shelf: Shelf, encoder: Encoder
) -> None:
    old = shelf.live().current()
    folder = shelf.folder / "next"
    build(folder, [document("other", "text")], encoder)
    manifest = IndexManifest.parse((folder / IndexFiles.MANIFEST).read_bytes(), "")
    shelf.repository.upload(folder, manifest)
    shelf.repository.publish(manifest.version, shelf.repository.pointer_etag())
    assert prune(shelf.repository, keep=1) == []
    assert shelf.found(old) == shelf.found(shelf.version)


def remote(tmp_path: Path, data: bytes, **changes: int) -> tuple[RemoteFile, Traffic]:
    store, traffic = Store.open("memory://"), Traffic()
    store.put("files/name", data)
    file = RemoteFile(
        StoredFolder(store, "files"),
        "name",
        len(data),
        sums=sums_of(data),
        scratch=tmp_path,
        traffic=traffic,
        **changes,
    )
    return file, traffic


def read(file: RemoteFile, spans: list[tuple[int, int]]) -> list[bytes]:
    starts, ends = np.array(spans).T
    data, fetches = file.plan(starts, ends)
    for fetch in fetches:
        fetch()
    return [bytes(data[start:end]) for start, end in spans]


def test_any_spans_are_read_as_they_are(tmp_path: Path) -> None:
    rng = random.Random(1)
    data = rng.randbytes(100 * BLOCK + 17)
    file, traffic = remote(tmp_path, data)
    for _ in range(30):
        starts = [rng.randrange(len(data) - 1) for _ in range(3)]
        spans = [(start, min(len(data), start + rng.randrange(1, 9000))) for start in starts]
        assert read(file, spans) == [data[start:end] for start, end in spans]
    assert read(file, [(0, len(data))]) == [data]
    done = traffic.bytes
    assert read(file, [(5, 70)]) == [data[5:70]]
    assert traffic.bytes == done
    assert file.keep(tmp_path / "whole")
    assert (tmp_path / "whole").read_bytes() == data


def test_blocks_on_the_disk_are_bounded(tmp_path: Path) -> None:
    rng = random.Random(1)
    data = rng.randbytes(200 * BLOCK)
    file, _ = remote(tmp_path, data, most_bytes=20 * BLOCK)
    for _ in range(50):
        start = rng.randrange(len(data) - 1)
        assert read(file, [(start, start + 1)]) == [data[start : start + 1]]
        [path] = tmp_path.iterdir()
        assert path.stat().st_blocks * 512 <= 30 * BLOCK
    assert not file.keep(tmp_path / "whole")


def test_a_span_that_is_larger_than_the_bound_is_read_all_the_same(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(50 * BLOCK)
    file, _ = remote(tmp_path, data, most_bytes=10 * BLOCK)
    assert read(file, [(0, len(data))]) == [data]
