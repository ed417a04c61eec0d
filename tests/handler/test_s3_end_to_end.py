"""From a corpus to answers through a real S3 server; spoilt files and racing publishers."""

import threading

import pytest

from handler.encoder import Encoder
from handler.errors import IndexUnavailable, LostRace, StoreError
from handler.search.request import SearchRequest
from handler.service import Service
from handler.storage.store import Store
from handler.versions.repository import IndexRepository
from tests.bucket import Bucket, refreshed, refused, search
from tests.library import BOOKS, FILMS, Library, index_corpus, write_corpus
from tests.stored_paths import PATHS

FILES = "/files/"


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
    assert any(FILES in request.path for request in bucket.proxy.requests)
    del bucket.proxy.requests[:]
    search(bucket.service())
    assert {request.path.rpartition("/")[2] for request in bucket.proxy.requests} <= {
        "current.json",
        "manifest.json",
        "rules.json",
    }


def test_a_look_that_finds_nothing_new_transfers_nothing(bucket: Bucket) -> None:
    bucket.publish(BOOKS)
    service = bucket.service()
    search(service)
    del bucket.proxy.requests[:]
    service.indexes.live("default").refresh()
    looks = bucket.proxy.requests
    [look] = [each for each in looks if each.path.endswith("/current.json")]
    assert {each.path.rpartition("/")[2] for each in looks} <= {"current.json", "rules.json"}
    assert "if-none-match" in {name.lower() for name in look.headers}


def test_a_warm_service_swaps_and_forgets_the_old_files(bucket: Bucket) -> None:
    bucket.publish(BOOKS)
    service = bucket.service()
    held = service.index()
    new = bucket.publish(FILMS)
    refreshed(service, new)
    assert [hit.document.title for hit in search(service).hits] == ["Tides, the film"]
    assert bucket.cached() == [new]
    request = SearchRequest(query="tide")
    assert len(service.searcher.search(held, request).hits) == len(
        BOOKS
    )  # a request in flight goes on undisturbed


def spoil(bucket: Bucket, name: str, how: str) -> None:
    """Truncate, tamper with, or remove a file of the published version, past the proxy's faults."""
    store = Store.open(bucket.url)
    pointer, _ = IndexRepository(store, "default").pointer()
    path = PATHS.file(store, pointer.version, name)
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
        with pytest.raises(
            (IndexUnavailable, StoreError), match=name if name != "manifest.json" else "manifest"
        ):
            service.index()
    assert bucket.cached() == []


def test_the_old_version_serves_while_the_new_one_is_spoilt(
    bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
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


@pytest.mark.parametrize("first", [True, False], ids=["no version yet", "a version before"])
def test_of_two_racing_publishers_one_wins(bucket: Bucket, first: bool) -> None:
    if not first:
        bucket.publish(BOOKS)
    encoder = Encoder.open(bucket.model)
    ready = threading.Barrier(2, timeout=30)
    outcomes: list[str | LostRace] = []

    def publish(number: int) -> None:
        corpus = write_corpus(bucket.scratch / f"{number}.jsonl", BOOKS[number:])
        rejects = bucket.scratch / f"rejects-{number}.jsonl"
        repository = IndexRepository(Store.open(bucket.url), "default")

        def together(stage: str, _done: int, _total: int | None = None) -> None:
            if stage == "publish":
                ready.wait()

        try:
            made = index_corpus(corpus, rejects, repository, encoder, progress=together)
            outcomes.append(made.version)
        except LostRace as lost:
            outcomes.append(lost)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [each for each in outcomes if isinstance(each, str)]
    [loser] = [each for each in outcomes if isinstance(each, LostRace)]
    assert (
        f"index 'default' in {bucket.url} was published by somebody else meanwhile; version 2"
        in str(loser)
    )
    assert "is uploaded but not current; run again" in str(loser)
    assert bucket.service().index().manifest.version == winner
