"""What goes wrong around a reindex: the store, the network, rivals, and what earlier runs left.

After each fault the old version still answers, and the next good run repairs everything.
"""

import json
import threading
from typing import Any

import pytest

from handler.errors import LeaseHeld, LostRace, StoreError
from handler.index.manifest import IndexFiles
from handler.storage.store import Store
from handler.versions.lease import Lease, LeaseConfig
from handler.versions.repository import IndexRepository
from tests.handler.reindexing import Counting, Place, record
from tests.handler.repair import Reader, at_home, expect_repair, place, proxy
from tests.proxy import Fault, Proxy
from tests.stored_paths import PATHS

__all__ = ["at_home", "place", "proxy"]

QUICK = LeaseConfig(seconds=30)
WRITES = [r"lease\.json", r"indexes/[^/]+/work", r"versions/[^/]+/manifest\.json", r"current\.json"]
READS = [r"current\.json", r"objects\.json", "/files/", "list-type"]


@pytest.mark.parametrize("path", WRITES)
def test_writes_that_fail(place: Place, proxy: Proxy, path: str) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    proxy.faults.append(Fault(path, "PUT|POST", status=503, code="SlowDown"))
    with pytest.raises(StoreError, match="fails or is overloaded"):
        place.run(lease=QUICK)
    proxy.faults.clear()
    expect_repair(place, reader, old)


@pytest.mark.parametrize("path", READS)
def test_reads_that_fail(place: Place, proxy: Proxy, path: str) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    proxy.faults.append(Fault(path, "GET", status=500, code="InternalError"))
    with pytest.raises(StoreError):
        place.run(lease=QUICK)
    proxy.faults.clear()
    expect_repair(place, reader, old)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="GET|PUT|POST", status=500, times=1),
        Fault(method="GET|PUT|POST", status=503, code="SlowDown", times=1),
        Fault("/files/", "GET", cut=20, times=1),
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
    proxy.faults.append(Fault("/files/", "GET", shorten=20))
    with pytest.raises(StoreError, match="incomplete"):
        place.run(lease=QUICK)
    proxy.faults.clear()
    expect_repair(place, reader, old)


def test_a_store_that_falls_silent(place: Place, proxy: Proxy) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    proxy.faults.append(Fault(r"objects\.json", "PUT", delay=30))
    with pytest.raises(StoreError, match="no answer in time"):
        place.run(
            repository=IndexRepository(Store.open(place.url, timeout=0.5, retries=0), "default"),
            lease=QUICK,
        )
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
def test_a_corrupt_old_version_means_a_full_rebuild_which_is_said(
    at_home: Place, name: str, damage: str
) -> None:
    path = at_home.file(name)
    data = at_home.store.get(path)[0]
    at_home.store.delete([path])
    if damage != "gone":
        at_home.store.put(path, data[:-1] + (b"?" if damage == "altered" else b""))
    outcome = at_home.run()
    assert (outcome.kind, outcome.encoded) == ("published", 12)
    assert "full_rebuild" in at_home.events()
    assert at_home.run().kind == "unchanged"


def test_an_incomplete_version_is_repaired_though_the_corpus_stays_the_same(at_home: Place) -> None:
    at_home.run()
    at_home.store.delete([at_home.file(IndexFiles.SCALES)])
    assert at_home.run().encoded == 12
    assert at_home.current().manifest.documents == 12


@pytest.mark.parametrize("kind", ["at_home", "place"])
@pytest.mark.parametrize("name", [IndexFiles.VECTORS, "text/meta.json"])
def test_an_altered_version_is_repaired_though_the_corpus_stays_the_same(
    request: pytest.FixtureRequest, kind: str, name: str
) -> None:
    place: Place = request.getfixturevalue(kind)
    place.run()
    path = place.file(name)
    data = place.store.get(path)[0]
    place.store.put(path, data[:-1] + b"?")
    assert place.run().encoded == 12
    assert (
        f"{name} is not the file its manifest describes"
        in dict(place.told)["full_rebuild"]["reason"]
    )
    assert place.run().kind == "unchanged"


def test_files_that_were_only_written_again_are_as_good(at_home: Place) -> None:
    at_home.run()
    before = at_home.version()
    root = PATHS.version(before)
    for each in [*at_home.store.list(root), *at_home.store.list(PATHS.files)]:
        at_home.store.put(each.path, at_home.store.get(each.path)[0])
    assert (at_home.run().kind, at_home.version()) == ("unchanged", before)
    known = json.loads(at_home.store.get(f"{root}/{IndexFiles.ETAGS}")[0])
    assert (
        known["segments/0/vectors.bin"] == at_home.store.head(at_home.file(IndexFiles.VECTORS)).etag
    ), "looked at each time"


def test_a_corrupt_old_version_in_a_bucket(place: Place) -> None:
    path = place.file(IndexFiles.VECTORS)
    place.store.put(path, place.store.get(path)[0][:-1])
    assert place.run().encoded == 12
    assert (
        "is damaged: segments/0/vectors.bin missing or incomplete"
        in dict(place.told)["full_rebuild"]["reason"]
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b'{"format": 1, "version": "../x", "manifest_sha256": "", "published": ""}'],
)
def test_a_corrupt_pointer_is_replaced_by_a_full_rebuild(at_home: Place, data: bytes) -> None:
    at_home.store.put(PATHS.pointer, data)
    assert at_home.run().encoded == 12
    assert "full_rebuild" in at_home.events()


@pytest.mark.parametrize("name", [IndexFiles.OBJECTS, IndexFiles.REJECTS, IndexFiles.DRIFT])
def test_a_damaged_report_costs_reading_but_no_encoding(at_home: Place, name: str) -> None:
    at_home.store.put(f"{PATHS.version(at_home.version())}/{name}", b"?")
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
    assert "has been working on index" in second or second == "unchanged"


def test_who_lost_the_lease_while_it_worked_publishes_nothing(place: Place) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()

    def steal(stage: str, *_: object) -> None:
        if stage == "publish":
            Lease.take(place.repository, config=LeaseConfig(clock=lambda: 4e9))

    with pytest.raises(LostRace, match="another run took the lease"):
        place.run(progress=steal)
    assert place.version() == old
    place.store.delete([PATHS.lease])
    expect_repair(place, reader, old)


def test_whoever_published_by_hand_meanwhile_wins(place: Place) -> None:
    place.write("c.jsonl", [record("c")])

    def publish(stage: str, *_: object) -> None:
        if stage == "check":
            data, _etag = place.store.get(PATHS.pointer)
            place.store.put(PATHS.pointer, data + b" ")

    with pytest.raises(LostRace, match="was published by somebody else meanwhile"):
        place.run(progress=publish)
    assert place.run().kind == "published"
