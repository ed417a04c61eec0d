"""A searched index follows what is published, and no fault of the store makes it fail."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

import handler.versions.live_index
from handler.encoder import Encoder
from handler.errors import IndexUnavailable, ModelMismatch, StoreError
from handler.index.engine import Engine
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.writer import new_version
from handler.search.request import Mode, SearchRequest
from handler.search.searcher import Searcher
from handler.storage.store import Store
from handler.versions.live_index import LiveIndex
from handler.versions.repository import IndexRepository
from tests.disks import Mount
from tests.handler.indexes import build, document
from tests.stored_paths import PATHS

NAME = "default"
POINTER = PATHS.pointer


Built = Callable[[int], Path]


@pytest.fixture(scope="module")
def built(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return a function that makes the folder of a version whose documents tell a number."""
    scratch = tmp_path_factory.mktemp("built")

    def folder(number: int) -> Path:
        path = scratch / str(number)
        if not path.exists():
            documents = [
                document(n, f"Version {number} of the work, part {n}.", v=number) for n in range(20)
            ]
            build(path, documents, encoder)
        return path

    return folder


class Publisher:
    """Publishes versions in one store, each with documents of its own."""

    def __init__(self, store: Store, encoder: Encoder, built: Built, scratch: Path) -> None:
        self.store = store
        self.encoder = encoder
        self.built = built
        self.scratch = scratch
        self.manifests: list[IndexManifest] = []

    def publish(self, **changes: Any) -> IndexManifest:
        """Upload and publish the next version; `changes` go into its manifest."""
        folder = self.built(len(self.manifests))
        path = folder / IndexFiles.MANIFEST
        manifest = replace(IndexManifest.parse(path.read_bytes(), ""), version=new_version())
        path.write_text(manifest.to_json(), "utf-8")
        self.repository.upload(folder, manifest)
        if changes:
            manifest = replace(manifest, **changes)
            self.store.put(self.path(manifest, IndexFiles.MANIFEST), manifest.to_json().encode())
        self.repository.publish(manifest.version, self.repository.pointer_etag())
        self.manifests.append(manifest)
        return manifest

    def live(self, poll_seconds: float = 3600) -> LiveIndex:
        """Return a live index, whose cache is the folder `cache`."""
        fingerprint = self.encoder.manifest.fingerprint
        return LiveIndex(
            self.repository,
            cache=self.cache,
            fingerprint=fingerprint,
            poll_seconds=poll_seconds,
        )

    @property
    def repository(self) -> IndexRepository:
        return IndexRepository(self.store, NAME)

    @property
    def cache(self) -> Path:
        return self.scratch / "cache"

    def cached(self) -> list[str]:
        """Return the names of the versions in the cache."""
        return sorted(path.name for path in self.cache.glob("*/*"))

    def path(self, manifest: IndexManifest, name: str) -> str:
        return PATHS.file(self.store, manifest.version, name)


@pytest.fixture(params=["folder", "memory"])
def publisher(
    request: pytest.FixtureRequest, encoder: Encoder, built: Built, tmp_path: Path
) -> Publisher:
    """Return the publisher of a store that is read in place, and of one that is downloaded from."""
    url = "memory://" if request.param == "memory" else str(tmp_path / "store")
    return Publisher(Store.open(url), encoder, built, tmp_path)


@pytest.fixture
def remote(encoder: Encoder, built: Built, tmp_path: Path) -> Publisher:
    return Publisher(Store.open("memory://"), encoder, built, tmp_path)


def check_search(index: Engine, searcher: Searcher, mode: Mode = "hybrid") -> int:
    """Search, check that the answer is of one version, and return its number."""
    answer = searcher.search(
        index, SearchRequest(query="the work", k=20, mode=mode, facets=["v"], highlight=True)
    )
    versions = {hit.document.metadata["v"] for hit in answer.hits}
    assert len(answer.hits) == 20
    assert [count.documents for count in answer.facets["v"]] == [20]
    [version] = versions
    assert isinstance(version, int)
    return version


def logged(capsys: pytest.CaptureFixture[str], event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line["event"] == event]


def test_a_new_version_is_followed(
    publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    first = publisher.publish()
    live = publisher.live()
    index = live.current()
    assert index.manifest == first
    live.refresh()
    publisher.store.put(POINTER, publisher.store.get(POINTER)[0])
    live.refresh()
    assert live.current() is index
    assert logged(capsys, "index_swapped") == []
    second = publisher.publish()
    assert live.current().manifest == first
    live.refresh()
    assert live.current().manifest == second
    assert logged(capsys, "index_swapped") == [
        {"event": "index_swapped", "index": NAME, "version": second.version}
    ]


def test_the_pointer_is_read_when_the_last_look_is_old(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler.versions.live_index, "REFRESH_WAIT", None)
    publisher.publish()
    live = publisher.live(poll_seconds=0)
    live.current()
    second = publisher.publish()
    assert live.current().manifest == second


def test_a_rollback_is_followed(publisher: Publisher) -> None:
    first, second = publisher.publish(), publisher.publish()
    live = publisher.live()
    assert live.current().manifest == second
    publisher.repository.publish(first.version, publisher.repository.pointer_etag())
    live.refresh()
    assert live.current().manifest == first


def test_versions_are_swapped_while_threads_search(publisher: Publisher, encoder: Encoder) -> None:
    publisher.publish()
    live, searcher, started, stop = (
        publisher.live(poll_seconds=0),
        Searcher(encoder),
        Barrier(4),
        Event(),
    )

    def keep_searching(mode: Mode) -> list[int]:
        seen = [check_search(live.current(), searcher, mode)]
        started.wait(60)
        while not stop.is_set():
            seen.append(check_search(live.current(), searcher, mode))
        return [*seen, check_search(live.current(), searcher, mode)]

    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(keep_searching, mode) for mode in ("hybrid", "semantic", "keyword")]
        try:
            started.wait(60)
            for _ in range(6):
                publisher.publish()
                live.refresh()
        finally:
            stop.set()
        for run in runs:
            seen = run.result()
            assert seen == sorted(seen)
            assert (seen[0], seen[-1]) == (0, 6)


def spoil(publisher: Publisher, how: str) -> str:
    """Publish a version that can't be used, and return what the log should say of it."""
    store = publisher.store
    if how == "no pointer":
        store.put(POINTER, b"not even JSON")
        return "is not a pointer to an index version"
    if how == "newer":
        store.put(POINTER, b'{"format": 99}')
        return "was written by a newer querytower"
    manifest = publisher.publish()
    if how == "gone":
        store.delete(item.path for item in store.list(PATHS.version(manifest.version)))
        return "manifest.json is missing; roll back, or index again"
    if how == "manifest altered":
        path = publisher.path(manifest, IndexFiles.MANIFEST)
        store.put(path, store.get(path)[0] + b" ")
        return "is not the one published"
    path = publisher.path(manifest, IndexFiles.VECTORS)
    data, _ = store.get(path)
    if how == "file gone":
        store.delete([path])
        return "does not exist"
    if how == "truncated":
        store.put(path, data[:-1])
        return "incomplete or was"
    store.put(path, bytes([data[0] ^ 1]) + data[1:])
    return "it is incomplete or was altered"


@pytest.mark.parametrize(
    "how", ["no pointer", "newer", "gone", "manifest altered", "file gone", "truncated", "tampered"]
)
def test_a_version_that_cant_be_used_changes_nothing(
    publisher: Publisher, encoder: Encoder, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.publish()
    live, searcher = publisher.live(), Searcher(encoder)
    live.current()
    problem = spoil(publisher, how)
    for _ in range(2):
        live.refresh()
        assert check_search(live.current(), searcher) == 0
        [line] = logged(capsys, "refresh_failed")
        assert line["index"] == NAME
        assert problem in line["problem"]
    good = publisher.publish()
    live.refresh()
    assert live.current().manifest == good
    if publisher.store.local is None:
        assert publisher.cached() == [good.version]


def test_an_unusable_first_version_is_an_error(publisher: Publisher) -> None:
    publisher.publish()
    spoil(publisher, "tampered")
    with pytest.raises(
        IndexUnavailable, match=r"vectors\.bin is not the file its manifest describes"
    ):
        publisher.live().current()
    assert publisher.cached() == []


def test_an_error_that_nobody_expected_is_logged_too(
    publisher: Publisher, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publisher.publish()
    live = publisher.live()
    live.current()
    publisher.publish()

    def fail(folder: Path, *_: object) -> IndexVersion:
        raise ZeroDivisionError("nobody thought of this")

    with monkeypatch.context() as patch:
        patch.setattr(IndexVersion, "open", fail)
        live.refresh()
    assert live.current().manifest == first
    [line] = logged(capsys, "refresh_failed")
    assert "ZeroDivisionError: nobody thought of this" in line["problem"]


def test_a_store_that_is_down_keeps_the_index_up(
    publisher: Publisher, encoder: Encoder, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.publish()
    live, searcher = publisher.live(poll_seconds=0), Searcher(encoder)
    live.current()
    if publisher.store.local:
        publisher.store.local.rename(publisher.scratch / "moved")
        publisher.store.local.write_text("not a folder any more")
    else:
        publisher.store.delete([item.path for item in publisher.store.list()])
        shutil.rmtree(publisher.cache)
    for _ in range(3):
        live.refresh()
        assert check_search(live.current(), searcher) == 0
    assert logged(capsys, "refresh_failed")


def test_a_store_that_hangs_holds_nobody_up(
    encoder: Encoder, built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler.versions.live_index, "REFRESH_WAIT", 0.01)
    free, freed = Event(), []

    class Hanging(Store):
        def get_if_changed(self, path: str, etag: str | None) -> tuple[bytes, str] | None:
            freed.append(free.wait(10))
            return super().get_if_changed(path, etag)

    publisher = Publisher(Hanging.open("memory://"), encoder, built, tmp_path)
    first = publisher.publish()
    live = publisher.live(poll_seconds=0)
    live.current()
    second = publisher.publish()
    try:
        assert [live.current().manifest for _ in range(3)] == [first] * 3
    finally:
        free.set()
    live.refresh()
    assert all(freed)
    assert live.current().manifest == second


def test_no_index_yet(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    live = publisher.live()
    url = publisher.store.url
    message = f"{url} has no index 'default' .indexes there: none.; make it with: querytower index"
    with pytest.raises(IndexUnavailable, match=message):
        live.current()
    publisher.publish()
    monkeypatch.setattr(handler.versions.live_index, "RETRY_SECONDS", 1e9)
    with pytest.raises(IndexUnavailable, match=message):
        live.current()
    monkeypatch.setattr(handler.versions.live_index, "RETRY_SECONDS", 0)
    assert live.current().manifest == publisher.manifests[0]


def test_a_store_that_fails_before_the_first_version(
    encoder: Encoder, built: Built, tmp_path: Path
) -> None:
    (tmp_path / "store").write_text("a file")
    publisher = Publisher(Store.open(str(tmp_path / "store")), encoder, built, tmp_path)
    with pytest.raises(StoreError, match=str(tmp_path / "store")):
        publisher.live().current()


def test_another_model_is_refused_and_both_are_named(
    publisher: Publisher, encoder: Encoder, capsys: pytest.CaptureFixture[str]
) -> None:
    own, other = encoder.manifest.fingerprint, "0123456789abcdef"
    publisher.publish(model="someone/else", fingerprint=other)
    message = (
        f"was built with someone/else .{other}., this function carries .*{own}; "
        "index again with this model"
    )
    with pytest.raises(ModelMismatch, match=message):
        publisher.live().current()
    good = publisher.publish()
    live = publisher.live()
    assert live.current().manifest == good
    publisher.publish(model="someone/else", fingerprint=other)
    live.refresh()
    assert live.current().manifest == good
    [line] = logged(capsys, "refresh_failed")
    assert "someone/else" in line["problem"]
    assert own in line["problem"]


def test_old_versions_leave_the_cache_and_stay_searchable(
    remote: Publisher, encoder: Encoder
) -> None:
    remote.publish()
    live, searcher = remote.live(), Searcher(encoder)
    old = live.current()
    assert remote.cached() == [remote.manifests[0].version]
    remote.publish()
    live.refresh()
    assert remote.cached() == [remote.manifests[1].version]
    assert [check_search(old, searcher), check_search(live.current(), searcher)] == [0, 1]


def test_a_cached_version_is_not_downloaded_again(remote: Publisher, encoder: Encoder) -> None:
    manifest = remote.publish()
    remote.live().current()
    remote.store.delete([remote.path(manifest, name) for name in manifest.files])
    assert check_search(remote.live().current(), Searcher(encoder)) == 0


def test_a_spoilt_cache_is_downloaded_again_at_the_next_look(
    remote: Publisher, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler.versions.live_index, "RETRY_SECONDS", 0)
    remote.publish()
    remote.live().current()
    [path] = remote.cache.rglob(IndexFiles.VECTORS)
    path.write_bytes(b"spoilt")
    live = remote.live()
    with pytest.raises(IndexUnavailable, match="incomplete or was altered"):
        live.current()
    assert check_search(live.current(), Searcher(encoder)) == 0


def test_another_connection_to_the_store(remote: Publisher) -> None:
    first = remote.publish()
    live = remote.live()
    live.current()
    other = Publisher(Store.open("memory://"), remote.encoder, remote.built, remote.scratch)
    other.publish()
    second = other.publish()
    live.reconnect(other.repository)
    assert [first, live.current().manifest] == [remote.manifests[0], second]


def test_a_full_disk_keeps_the_old_version_until_there_is_room(
    remote: Publisher,
    encoder: Encoder,
    disk: Mount,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = remote.publish()
    size, occupied = sizes(first)
    cache = disk(f"size={3 * occupied}")
    monkeypatch.setattr(Publisher, "cache", cache)
    live = remote.live(poll_seconds=0)
    assert live.current().manifest == first
    (cache / "ballast").write_bytes(bytes(shutil.disk_usage(cache).free - size // 2))
    second = remote.publish()
    capsys.readouterr()
    live.refresh()
    live.refresh()
    assert live.current().manifest == first
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event"] for each in events] == ["refresh_failed", "cache_full", "cache_full"]
    assert "give the function more disk" in events[0]["problem"]
    (cache / "ballast").unlink()
    live.refresh()
    assert live.current().manifest == second


def test_a_start_removes_what_is_not_in_use_first(
    remote: Publisher, disk: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = remote.publish()
    size, occupied = sizes(first)
    monkeypatch.setattr(Publisher, "cache", disk(f"size={occupied + size // 2}"))
    remote.live().current()
    second = remote.publish()
    assert remote.live().current().manifest == second
    assert remote.cached() == [second.version]


def test_what_killed_downloads_left_goes_with_the_next_one(remote: Publisher) -> None:
    remote.publish()
    remote.live().current()
    (place,) = remote.cache.glob("*/*")
    for name in (".v1.part-aaaaaaaa", f".{place.name}.part-0_bbbbbb", "20200101T000000-000000"):
        (place.parent / name / "text").mkdir(parents=True)
        (place.parent / name / "text" / "half").write_bytes(b"x")
    second = remote.publish()
    remote.live().current()
    assert {path.name for path in place.parent.iterdir()} == {second.version}


def sizes(manifest: IndexManifest) -> tuple[int, int]:
    """Return the bytes of a version, and what it occupies on a disk of pages of 4 KiB."""
    files = [entry.bytes for entry in manifest.files.values()]
    return sum(files), sum(-(-size // 4096) + 2 for size in files) * 4096
