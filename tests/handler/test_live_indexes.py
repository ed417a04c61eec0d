"""Indexes that callers name: bounds of what stays open, names that don't exist, edited files."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handler.errors import IndexNotFound, IndexUnavailable, StoreError
from handler.search.request import SearchRequest
from handler.service import Service
from handler.settings import Settings
from handler.versions.live_indexes import MISSING_NAMES
from tests.bucket import Bucket
from tests.library import BOOKS, FILMS, Library, add_index
from tests.proxy import Fault

NAMES = ("a", "b", "c")


def fill(bucket: Bucket) -> None:
    for name, books in {"default": BOOKS, **dict.fromkeys(NAMES, FILMS)}.items():
        add_index(bucket.url, bucket.model, books, bucket.scratch, name)


def test_the_index_that_was_not_used_for_longest_is_closed(bucket: Bucket) -> None:
    fill(bucket)
    service = bucket.service(max_indexes=3)
    held = service.index("a")
    for name in ("", "b", "a", "", "c"):
        service.index(name)
    assert service.indexes.names == {"default", "a", "c"}
    for name in ("b", "c"):
        service.index(name)
    assert service.indexes.names == {"default", "b", "c"}
    # Only what is open is in the cache, and what is in use stays readable.
    assert len(bucket.cached()) == 3
    answer = service.searcher.search(held, SearchRequest(query="tide"))
    assert [hit.document.title for hit in answer.hits] == ["Tides, the film"]


def test_the_default_index_stays_open(bucket: Bucket) -> None:
    fill(bucket)
    service = bucket.service(max_indexes=1)
    service.index()
    for name in NAMES:
        assert service.index(name).manifest.name == name
        assert service.indexes.names == {"default", name}


def test_bytes_are_bounded_too(bucket: Bucket) -> None:
    fill(bucket)
    probe = bucket.service()
    probe.index()
    default = probe.indexes.live("default").bytes
    probe.index("a")
    one = probe.indexes.live("a").bytes
    assert min(default, one) > 0
    service = bucket.service(max_index_bytes=default + 2 * one + 1)
    for name in ("", *NAMES):
        service.index(name)
    assert service.indexes.names == {"default", "b", "c"}


def test_a_name_that_no_index_has_costs_one_request_and_then_none(bucket: Bucket) -> None:
    bucket.publish(BOOKS)
    service = bucket.service(poll_seconds=3600.0)
    service.index()
    del bucket.proxy.requests[:]
    for _ in range(3):
        with pytest.raises(IndexNotFound, match="there is no index 'nope'; GET /indexes lists"):
            service.index("nope")
    assert [request.method for request in bucket.proxy.requests] == ["GET"]
    assert service.indexes.names == {"default"}


def test_a_missing_index_is_found_once_it_is_there(bucket: Bucket) -> None:
    service = bucket.service()  # which forgets at once
    with pytest.raises(IndexNotFound):
        service.index("late")
    add_index(bucket.url, bucket.model, FILMS, bucket.scratch, "late")
    assert service.index("late").manifest.name == "late"


def test_no_more_missing_names_are_remembered_than_allowed(library: Library) -> None:
    service = Service.open(library.settings(poll_seconds=3600.0))
    for number in range(MISSING_NAMES + 50):
        with pytest.raises(IndexNotFound):
            service.index(f"nope-{number}")
    assert len(service.indexes._missing) == MISSING_NAMES


def test_a_store_that_fails_does_not_make_an_index_missing(bucket: Bucket) -> None:
    fill(bucket)
    service = bucket.service(poll_seconds=3600.0)
    service.index()
    bucket.proxy.faults.append(Fault(status=503))
    with pytest.raises(StoreError):
        service.index("a")
    bucket.proxy.faults.clear()
    assert service.index("a").manifest.name == "a"


EDITED = """
import sys
from pathlib import Path
from handler.search.request import SearchRequest
from handler.service import Service
from handler.settings import Settings

store, model = Path(sys.argv[1]), sys.argv[2]
service = Service.open(Settings(store=str(store), model=model))
search = lambda: service.searcher.search(service.index(), SearchRequest(query="tide")).hits
before = [hit.document.id for hit in search()]
files = [path for path in store.glob("indexes/default/files/*") if path.stat().st_size]
assert files
for path in files:
    with path.open("r+b") as file:
        file.truncate(0)
print("same:", [hit.document.id for hit in search()] == before)
"""


def test_files_that_are_edited_in_place_do_not_end_the_process(
    library: Library, tmp_path: Path
) -> None:
    add_index(tmp_path / "store", library.model, BOOKS, tmp_path)
    arguments = [str(tmp_path / "store"), str(library.model)]
    command = [sys.executable, "-c", EDITED, *arguments]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "same: True" in done.stdout


def test_files_that_are_replaced_or_removed_stay_readable(library: Library, tmp_path: Path) -> None:
    add_index(tmp_path / "store", library.model, BOOKS, tmp_path)
    service = Service.open(Settings(store=str(tmp_path / "store"), model=str(library.model)))
    request: Any = SearchRequest(query="tide")
    before = service.searcher.search(service.index(), request).hits
    for number, path in enumerate(sorted((tmp_path / "store/indexes/default/files").iterdir())):
        if number % 2:
            path.unlink()
        else:
            (tmp_path / "new").write_bytes(b"other")
            (tmp_path / "new").rename(path)
    assert service.searcher.search(service.index(), request).hits == before


def test_a_damaged_index_is_not_called_missing(library: Library, tmp_path: Path) -> None:
    add_index(tmp_path / "store", library.model, FILMS, tmp_path, "films")
    (tmp_path / "store/indexes/films/current.json").write_text("{}")
    service = Service.open(Settings(store=str(tmp_path / "store"), model=str(library.model)))
    with pytest.raises(IndexUnavailable):
        service.index("films")
