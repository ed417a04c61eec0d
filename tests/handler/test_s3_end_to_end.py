"""From a corpus to answers through a real S3-compatible server, and what becomes of that when the server fails."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handler.bundle import IndexFiles
from handler.encoder import Encoder
from handler.errors import IndexUnavailable, LostRace, QuerytowerError, StoreError
from handler.indexing import Source, index_corpus
from handler.search import Answer, Request
from handler.service import Service
from handler.settings import Settings
from handler.store import Store
from handler.versions import read_pointer
from tests.function import ROOT
from tests.library import BOOKS, FILMS, Library, add_index, write_corpus
from tests.proxy import Fault, Proxy
from tests.s3 import S3Server, environment

VECTORS = "/vectors.bin"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A store in a new bucket behind a proxy, and a function's cache."""

    url: str
    proxy: Proxy
    model: Path
    scratch: Path

    def publish(self, records: list[dict[str, Any]]) -> str:
        """Publish records as a new version and return its name."""
        return add_index(self.url, self.model, records, self.scratch).version

    def service(self, **changes: Any) -> Service:
        """Return a new process's service, with the cache of the one before."""
        common = {"poll_seconds": 0.0, "store_timeout": 1.0, "cache": str(self.scratch / "cache")}
        return Service.open(Settings(**{"store": self.url, "model": str(self.model), **common, **changes}))

    def objects(self) -> list[str]:
        """Return the paths of all objects."""
        return [each.path for each in Store.open(self.url).list()]

    def cached(self) -> list[str]:
        """Return the names of what lies beside the versions in the cache, hidden names included."""
        return sorted(path.name for folder in self.scratch.glob("cache/*") for path in folder.iterdir())


@pytest.fixture
def bucket(
    library: Library,
    s3_server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bucket]:
    with Proxy(s3_server.url) as proxy:
        for name, value in environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        yield Bucket(f"s3://{s3_server.create_bucket()}/books", proxy, library.model, tmp_path)


def search(service: Service, text: str = "tide") -> Answer:
    return service.searcher.search(service.index(), Request(text, highlight=True, explain=True))


def refreshed(service: Service, version: str) -> None:
    """Wait until the service has swapped to `version`."""
    limit = time.monotonic() + 20
    while service.index().manifest.version != version:
        assert time.monotonic() < limit


def refused(service: Service, capsys: pytest.CaptureFixture[str]) -> str:
    """Wait until the service has refused a new version, and return what it logged."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        service.index()
        for line in capsys.readouterr().out.splitlines():
            if json.loads(line)["event"] == "refresh_failed":
                return str(json.loads(line)["problem"])
    raise AssertionError("nothing was refused")


def test_the_same_answers_as_from_a_folder(bucket: Bucket, library: Library) -> None:
    version = bucket.publish(BOOKS)
    service, local = bucket.service(), Service.open(library.settings())
    for text in ("tide", "small town on the coast", "Köln 📚", "the"):
        assert search(service, text).hits == search(local, text).hits
    assert service.index().manifest.version == version
    assert service.index_names() == ["default"]
    assert bucket.cached() == [version]


def test_a_new_process_downloads_nothing_again(bucket: Bucket) -> None:
    bucket.publish(BOOKS)
    search(bucket.service())
    assert any(VECTORS in request.path for request in bucket.proxy.requests)
    del bucket.proxy.requests[:]
    search(bucket.service())
    assert {request.path.rpartition("/")[2] for request in bucket.proxy.requests} <= {"current.json", "manifest.json"}


def test_a_look_that_finds_nothing_new_transfers_nothing(bucket: Bucket) -> None:
    bucket.publish(BOOKS)
    service = bucket.service()
    search(service)
    del bucket.proxy.requests[:]
    service._indexes["default"].refresh()
    [look] = bucket.proxy.requests
    assert look.path.endswith("/current.json")
    assert "if-none-match" in {name.lower() for name in look.headers}


def test_a_warm_service_swaps_and_forgets_the_old_files(bucket: Bucket) -> None:
    bucket.publish(BOOKS)
    service = bucket.service()
    held = service.index()
    new = bucket.publish(FILMS)
    refreshed(service, new)
    assert [hit.document.title for hit in search(service).hits] == ["Tides, the film"]
    assert bucket.cached() == [new]
    request = Request("tide")
    assert len(service.searcher.search(held, request).hits) == len(BOOKS)  # a request in flight goes on undisturbed


def spoil(bucket: Bucket, name: str, how: str) -> None:
    """Truncate, tamper with, or remove a file of the published version, past the proxy's faults."""
    store = Store.open(bucket.url)
    pointer, _ = read_pointer(store, "default")
    path = f"{IndexFiles.version('default', pointer.version)}/{name}"
    if how == "removed":
        store.delete([path])
        return
    data, _ = store.get(path)
    store.put(path, data[:-1] if how == "truncated" else bytes([data[0] ^ 1]) + data[1:])


@pytest.mark.parametrize("how", ["truncated", "tampered", "removed"])
@pytest.mark.parametrize("name", ["vectors.bin", "text/meta.json", "manifest.json"])
def test_a_spoilt_version_is_refused_by_name(bucket: Bucket, name: str, how: str) -> None:
    bucket.publish(BOOKS)
    spoil(bucket, name, how)
    service = bucket.service()
    for _ in range(2):
        with pytest.raises((IndexUnavailable, StoreError), match=name if name != "manifest.json" else "manifest"):
            service.index()
    assert bucket.cached() == []


def test_the_old_version_serves_while_the_new_one_is_spoilt(bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    old = bucket.publish(BOOKS)
    service = bucket.service()
    before = search(service).hits
    good = bucket.publish(FILMS)
    spoil(bucket, "vectors.bin", "tampered")
    # Whoever looked between publishing and tampering would have a good copy: here nobody did.
    assert "vectors.bin" in refused(service, capsys)
    assert service.index().manifest.version == old
    assert search(service).hits == before
    assert bucket.cached() == [old]
    better = bucket.publish(FILMS)
    assert better != good
    refreshed(service, better)


@pytest.mark.parametrize("fault", [Fault(VECTORS, "GET", cut=10), Fault(VECTORS, "GET", shorten=10)])
def test_a_server_that_fails_in_the_middle_of_a_download(
    bucket: Bucket, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    old = bucket.publish(BOOKS)
    service = bucket.service()
    before = search(service).hits
    new = bucket.publish(FILMS)
    bucket.proxy.faults.append(fault)
    assert f"{new}{VECTORS}: " in refused(service, capsys)
    assert (service.index().manifest.version, search(service).hits) == (old, before)
    with pytest.raises(StoreError, match=f"{new}{VECTORS}: "):
        bucket.service(cache=str(bucket.scratch / "other")).index()
    assert bucket.cached() == [old]
    assert [*bucket.scratch.glob("other/*/*")] == []
    bucket.proxy.faults.clear()
    refreshed(service, new)


def test_no_request_waits_for_a_slow_look_at_the_pointer(bucket: Bucket) -> None:
    bucket.publish(BOOKS)
    service = bucket.service(store_timeout=60)
    search(service)
    bucket.proxy.faults.append(Fault(delay=60))
    request = threading.Thread(target=search, args=(service,))
    request.start()
    request.join(20)
    assert not request.is_alive()


@pytest.mark.parametrize("fault", [Fault(delay=30), Fault(VECTORS, "GET", stall=(10, 30))], ids=["silent", "stalled"])
def test_a_slow_server_holds_nobody_up(bucket: Bucket, capsys: pytest.CaptureFixture[str], fault: Fault) -> None:
    old = bucket.publish(BOOKS)
    service = bucket.service(store_timeout=0.3)
    before = search(service).hits
    new = bucket.publish(FILMS)
    bucket.proxy.faults.append(fault)
    answers = [search(service) for _ in range(3)]  # each of these would take half a minute if it waited
    assert all(answer.hits == before for answer in answers)
    assert "no answer in time" in refused(service, capsys)
    assert service.index().manifest.version == old
    bucket.proxy.faults.clear()
    refreshed(service, new)


@pytest.mark.parametrize("first", [True, False], ids=["no version yet", "a version before"])
def test_of_two_racing_publishers_one_wins(bucket: Bucket, first: bool) -> None:
    if not first:
        bucket.publish(BOOKS)
    encoder = Encoder.open(bucket.model)
    ready = threading.Barrier(2, timeout=30)
    outcomes: list[str | LostRace] = []

    def publish(number: int) -> None:
        corpus = write_corpus(bucket.scratch / f"{number}.jsonl", BOOKS[number:])
        source = Source(corpus, bucket.scratch / f"rejects-{number}.jsonl")

        def together(stage: str, _done: int) -> None:
            if stage == "upload":
                ready.wait()

        try:
            outcomes.append(index_corpus(source, Store.open(bucket.url), encoder, progress=together).version)
        except LostRace as lost:
            outcomes.append(lost)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [each for each in outcomes if isinstance(each, str)]
    [loser] = [each for each in outcomes if isinstance(each, LostRace)]
    assert f"index 'default' in {bucket.url} was published by somebody else meanwhile; version 2" in str(loser)
    assert "is uploaded but not current; run again" in str(loser)
    assert bucket.service().index().manifest.version == winner


def test_an_upload_that_fails_leaves_nothing(bucket: Bucket) -> None:
    bucket.proxy.faults.append(Fault(r"/passages\.bin", "PUT", status=403, code="AccessDenied"))
    with pytest.raises(StoreError, match=r"/passages\.bin: permission denied; check the credentials"):
        bucket.publish(BOOKS)
    assert bucket.objects() == []


def test_control_c_during_the_upload_leaves_nothing(bucket: Bucket) -> None:
    bucket.proxy.faults.append(Fault(r"/passages\.bin", "PUT", delay=1))
    corpus = write_corpus(bucket.scratch / "books.jsonl", BOOKS)
    command = ["index", str(corpus), "--to", bucket.url, "--model", str(bucket.model)]
    (bucket.scratch / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", "from infra.cli import main; main()", *command],
        env={
            **environment(bucket.proxy.url),
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(bucket.scratch / "tmp"),
            "ORT_DISABLE_TELEMETRY": "1",  # it leaves a file in TMPDIR
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(request.method == "PUT" for request in bucket.proxy.requests):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "Traceback" not in errors
    assert bucket.objects() == []
    assert [*(bucket.scratch / "tmp").iterdir()] == []


def test_an_unreachable_server_is_named(bucket: Bucket) -> None:
    bucket.proxy.faults.append(Fault(cut=0))
    with pytest.raises(QuerytowerError, match=f"{bucket.url}/indexes/default/current.json: "):
        bucket.service().index()
