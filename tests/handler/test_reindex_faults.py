"""What goes wrong around a reindex: the store, the disk, the network, rivals, and the corpus itself.

After each fault the old version still answers, and the next good run repairs everything.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handler.bundle import IndexFiles
from handler.corpus.sources import LocalCorpus, StoreCorpus
from handler.encoder import Encoder
from handler.errors import CorpusChanged, CorpusError, LeaseHeld, LostRace, QuerytowerError, StoreError
from handler.index.live import LiveIndex
from handler.reindex.lease import Lease, Terms
from handler.search.search import Request, Searcher
from handler.store.store import Store
from tests.handler.reindexing import Counting, Place, record
from tests.proxy import Fault, Proxy
from tests.s3 import S3Server, environment

QUICK = Terms(seconds=30)


@pytest.fixture
def proxy(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy(s3_server.url) as proxy:
        for name, value in environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def at_home(encoder: Encoder, tmp_path: Path) -> Place:
    """The same in a folder."""
    return changed(Place(tmp_path, Counting(encoder)))


@pytest.fixture
def place(encoder: Encoder, proxy: Proxy, s3_server: S3Server, tmp_path: Path) -> Place:
    """An index in a bucket behind the proxy, and a corpus that has changed since."""
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
        self.live = LiveIndex(place.store, "default", cache=cache, fingerprint=fingerprint, poll_seconds=0)
        self.searcher = Searcher(place.encoder)

    def answer(self) -> tuple[str, set[str]]:
        """Return the version that answers and the ids that it finds."""
        index = self.live.current()
        hits = self.searcher.search(index, Request("The a1", k=50)).hits
        return index.manifest.version, {hit.document.id for hit in hits}


def expect_repair(place: Place, reader: Reader, old: str) -> None:
    """Expect that the old version still answers, and that a good run repairs everything."""
    version, found = reader.answer()
    assert (version, len(found)) == (old, 8)
    assert place.version() == old
    outcome = place.run(terms=Terms(clock=lambda: time.time() + 300))
    assert outcome.kind == "published"
    reader.live.refresh()
    version, found = reader.answer()
    assert (version, len(found)) == (outcome.version, 12)
    assert place.run().kind == "unchanged"
    assert not [path for path in place.paths() if path.startswith("work/")]


WRITES = [r"lease\.json", r"/work/", r"versions/[^/]+/manifest\.json", r"current\.json"]
READS = [r"current\.json", r"objects\.json", r"vectors\.bin", "list-type"]


@pytest.mark.parametrize("path", WRITES)
def test_writes_that_fail(place: Place, proxy: Proxy, path: str) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    proxy.faults.append(Fault(path, "PUT|POST", status=503, code="SlowDown"))
    with pytest.raises(StoreError, match="fails or is overloaded"):
        place.run(terms=QUICK)
    proxy.faults.clear()
    expect_repair(place, reader, old)


@pytest.mark.parametrize("path", READS)
def test_reads_that_fail(place: Place, proxy: Proxy, path: str) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    proxy.faults.append(Fault(path, "GET", status=500, code="InternalError"))
    with pytest.raises(StoreError):
        place.run(terms=QUICK)
    proxy.faults.clear()
    expect_repair(place, reader, old)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="GET|PUT|POST", status=500, times=1),
        Fault(method="GET|PUT|POST", status=503, code="SlowDown", times=1),
        Fault(r"vectors\.bin", "GET", cut=20, times=1),
        Fault(r"current\.json", "PUT", status=500, lost=True, times=1),
        Fault(r"lease\.json", "PUT", status=500, lost=True, times=1),
    ],
    ids=[
        "500 once",
        "slow down once",
        "a body cut short once",
        "answer of the publish lost",
        "answer of the lease lost",
    ],
)
def test_a_passing_fault_is_not_even_noticed(place: Place, proxy: Proxy, fault: Fault) -> None:
    proxy.faults.append(fault)
    assert place.run().kind == "published"
    assert fault.times == 0


def test_a_truncated_download_of_the_old_version_is_noticed(place: Place, proxy: Proxy) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    proxy.faults.append(Fault(r"vectors\.bin", "GET", shorten=100))
    with pytest.raises(StoreError, match="incomplete"):
        place.run(terms=QUICK)
    proxy.faults.clear()
    expect_repair(place, reader, old)


def test_a_store_that_falls_silent(place: Place, proxy: Proxy) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    proxy.faults.append(Fault(r"objects\.json", "PUT", delay=30))
    with pytest.raises(StoreError, match="no answer in time"):
        place.run(store=Store.open(place.url, timeout=0.5, retries=0), terms=QUICK)
    proxy.faults.clear()
    expect_repair(place, reader, old)


def test_permission_denied_on_write_changes_nothing(place: Place, proxy: Proxy) -> None:
    old, reader, before = place.version(), Reader(place), place.snapshot()
    reader.answer()
    proxy.faults.append(Fault(method="PUT|POST|DELETE", status=403, code="AccessDenied"))
    with pytest.raises(StoreError, match="permission denied"):
        place.run()
    proxy.faults.clear()
    assert place.snapshot() == before
    expect_repair(place, reader, old)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (IndexFiles.VECTORS, "altered"),
        (IndexFiles.DOCUMENTS, "cut"),
        ("text/meta.json", "gone"),
        (IndexFiles.MANIFEST, "altered"),
        (IndexFiles.MANIFEST, "gone"),
    ],
)
def test_a_corrupt_old_version_means_a_full_rebuild_which_is_said(at_home: Place, name: str, damage: str) -> None:
    path = f"{IndexFiles.version('default', at_home.version())}/{name}"
    data = at_home.store.get(path)[0]
    at_home.store.delete([path])
    if damage != "gone":
        at_home.store.put(path, data[:-1] + (b"?" if damage == "altered" else b""))
    outcome = at_home.run()
    assert (outcome.kind, outcome.encoded) == ("published", 12)
    assert "full_rebuild" in at_home.events()
    assert at_home.run().kind == "unchanged"


def test_a_corrupt_old_version_in_a_bucket(place: Place) -> None:
    path = f"{IndexFiles.version('default', place.version())}/{IndexFiles.VECTORS}"
    place.store.put(path, place.store.get(path)[0][:-1])
    assert place.run().encoded == 12
    assert "is damaged: vectors.bin missing or incomplete" in dict(place.told)["full_rebuild"]["reason"]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"format": 1, "version": "../x", "manifest_sha256": "", "published": ""}']
)
def test_a_corrupt_pointer_is_replaced_by_a_full_rebuild(at_home: Place, data: bytes) -> None:
    at_home.store.put(IndexFiles.current("default"), data)
    assert at_home.run().encoded == 12
    assert "full_rebuild" in at_home.events()


@pytest.mark.parametrize("name", [IndexFiles.OBJECTS, IndexFiles.REJECTS, IndexFiles.DRIFT])
def test_a_damaged_report_costs_reading_but_no_encoding(at_home: Place, name: str) -> None:
    at_home.store.put(f"{IndexFiles.version('default', at_home.version())}/{name}", b"?")
    outcome = at_home.run()
    assert (outcome.kind, outcome.encoded) == ("published", 4)


def test_of_two_that_race_one_leaves_at_once(place: Place) -> None:
    started, results = threading.Barrier(2), list[Any]()

    def race() -> None:
        other = Place(place.folder, Counting(place.encoder), place.url)
        started.wait()
        try:
            results.append(other.run().kind)
        except LeaseHeld as held:
            results.append(str(held))

    threads = [threading.Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = sorted(results, key=len)
    assert first == "published"
    assert "is being worked on by process" in second or second == "unchanged"


def test_who_lost_the_lease_while_it_worked_publishes_nothing(place: Place) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()

    def steal(stage: str, _done: int) -> None:
        if stage == "publish":
            Lease.take(place.store, "default", terms=Terms(clock=lambda: 4e9))

    with pytest.raises(LostRace, match="another run took the lease"):
        place.run(progress=steal)
    assert place.version() == old
    place.store.delete([IndexFiles.lease("default")])
    expect_repair(place, reader, old)


def test_whoever_published_by_hand_meanwhile_wins(place: Place) -> None:
    place.write("c.jsonl", [record("c")])

    def publish(stage: str, _done: int) -> None:
        if stage == "check":
            data, _ = place.store.get(IndexFiles.current("default"))
            place.store.put(IndexFiles.current("default"), data + b" ")

    with pytest.raises(LostRace, match="was published by somebody else meanwhile"):
        place.run(progress=publish)
    assert place.run().kind == "published"


# The corpus


def changing(corpus: type, change: Callable[[], object]) -> type:
    """Return a corpus in which something happens the first time that b.jsonl is about to be read."""
    left = [1]

    class Changing(corpus):  # type: ignore[misc]
        def opened(self, item: Any, scratch: Path) -> Any:
            if item.path == "b.jsonl" and left[0]:
                left[0] -= 1
                change()
            return corpus.opened(self, item, scratch)  # type: ignore[attr-defined]

    return Changing


def test_an_object_that_changes_while_it_is_read_is_read_again(place: Place, s3_server: S3Server) -> None:
    source = Store.open(f"s3://{s3_server.create_bucket()}")
    source.put("a.jsonl", (place.corpus / "a.jsonl").read_bytes())
    source.put("b.jsonl", (place.corpus / "b.jsonl").read_bytes())
    newer = (place.corpus / "a.jsonl").read_bytes().replace(b'"a', b'"z')
    corpus = changing(StoreCorpus, lambda: source.put("b.jsonl", newer))(source)
    place.run(corpus=corpus)
    assert place.events() == ["corpus_changed"]
    reader = Reader(place)
    assert reader.answer()[1] == {f"{letter}{n}" for letter in "az" for n in range(8)}


def test_an_object_that_vanishes_while_it_is_read_is_left_out(place: Place) -> None:
    corpus = changing(LocalCorpus, (place.corpus / "b.jsonl").unlink)(place.corpus)
    assert place.run(corpus=corpus).kind == "unchanged"
    assert place.events() == ["corpus_changed"]


def test_a_corpus_that_never_stays_still_is_given_up(place: Place) -> None:
    old, reader, numbers = place.version(), Reader(place), iter(range(100))
    reader.answer()

    class Restless(LocalCorpus):
        def opened(self, item: Any, scratch: Path) -> Any:
            place.write("b.jsonl", [record(next(numbers))])
            return super().opened(item, scratch)

    with pytest.raises(CorpusChanged, match=r"b\.jsonl .*run again"):
        place.run(corpus=Restless(place.corpus))
    place.write("b.jsonl", [record(f"b{n}") for n in range(4)])
    expect_repair(place, reader, old)


def test_a_poison_document_is_rejected_and_the_others_are_published(place: Place) -> None:
    deep = '{"id": "deep", "text": ' + "[" * 5000 + "]" * 5000 + "}"
    poison = [deep, '{"id": "half", "text": "\\ud83d"}', '{"id": {}}', "\x00", '{"id": "nan", "x": NaN, "text": "t"}']
    strange = [record("zalgo", "Z\u0351\u036b\u0343" * 400), record("null", "\x00" * 50), record("one", "x" * 60_000)]
    place.write("b.jsonl", [record("b0"), *poison, *strange, record("b1")])
    outcome = place.run()
    assert outcome.manifest is not None
    assert (outcome.manifest.documents, outcome.manifest.rejected) == (13, 5)


def test_an_unreadable_object_fails_the_run_and_is_named(place: Place) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    (place.corpus / "c.jsonl.gz").write_bytes(b"\x1f\x8b\x08 no more")
    with pytest.raises(CorpusError, match=r"c\.jsonl\.gz is not a whole gzip file"):
        place.run()
    (place.corpus / "c.jsonl.gz").unlink()
    expect_repair(place, reader, old)


# The disk


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_under_the_store(encoder: Encoder, tiny_disk: Path, tmp_path: Path) -> None:
    place = Place(tmp_path, Counting(encoder), str(tiny_disk))
    place.write("a.jsonl", [record("a1")])
    place.run()
    old = place.version()
    (tiny_disk / "other").write_bytes(bytes(120_000))
    place.write("b.jsonl", [record(f"b{n}") for n in range(200)])
    with pytest.raises(StoreError, match="the disk is full"):
        place.run()
    assert place.version() == old
    assert place.current().manifest.documents == 1
    place.write("b.jsonl", [record("b1")])
    assert place.run().kind == "published"


def test_a_full_disk_under_the_scratch_folder(place: Place, tiny_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    (tiny_disk / "other").write_bytes(bytes(340_000))
    monkeypatch.setattr("tempfile.tempdir", str(tiny_disk))
    with pytest.raises((OSError, ValueError, QuerytowerError), match=r"[Nn]o space left|disk is full|os error 28"):
        place.run(terms=QUICK)
    assert [*tiny_disk.iterdir()] == [tiny_disk / "other"]
    monkeypatch.setattr("tempfile.tempdir", None)
    expect_repair(place, reader, old)
