"""A corpus that changes, vanishes or can't be read while it is indexed, and full disks."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from handler.corpus.sources import LocalCorpus, StoreCorpus
from handler.encoder import Encoder
from handler.errors import CorpusChanged, LeaseHeld, QuerytowerError, StoreError
from handler.index.manifest import IndexFiles
from handler.storage.store import Store
from tests.disks import Mount, disk
from tests.handler.reindexing import Counting, Place, record
from tests.handler.repair import Reader, expect_repair, place, proxy
from tests.s3 import S3Server
from tests.stored_paths import PATHS

__all__ = ["disk", "place", "proxy"]

TINY = "size=400k"


def changing(corpus: type, change: Callable[[], object]) -> type:
    """Return a corpus in which `change` happens before b.jsonl is read for the first time."""
    left = [1]

    class Changing(corpus):  # type: ignore[misc]
        def opened(self, item: Any, scratch: Path) -> Any:
            if item.path == "b.jsonl" and left[0]:
                left[0] -= 1
                change()
            return corpus.opened(self, item, scratch)  # type: ignore[attr-defined]

    return Changing


def test_an_object_that_changes_while_it_is_read_is_read_again(
    place: Place, s3_server: S3Server
) -> None:
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
    poison = [
        deep,
        '{"id": "half", "text": "\\ud83d"}',
        '{"id": {}}',
        "\x00",
        '{"id": "nan", "x": NaN, "text": "t"}',
    ]
    strange = [
        record("zalgo", "Z\u0351\u036b\u0343" * 400),
        record("null", "\x00" * 50),
        record("one", "x" * 60_000),
    ]
    place.write("b.jsonl", [record("b0"), *poison, *strange, record("b1")])
    outcome = place.run()
    assert outcome.manifest is not None
    assert (outcome.manifest.documents, outcome.manifest.rejected) == (15, 3)


def test_an_unreadable_object_is_named_and_the_others_are_published(place: Place) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    (place.corpus / "c.jsonl.gz").write_bytes(b"\x1f\x8b\x08 no more")
    outcome = place.run()
    assert outcome.manifest is not None
    path = f"{PATHS.version(outcome.version)}/{IndexFiles.REJECTS}"
    assert b"c.jsonl.gz" in place.store.get(path)[0]
    version, found = reader.answer()
    assert (version, len(found)) == (outcome.version, outcome.manifest.documents)
    assert version != old


# The disk


def test_a_full_disk_under_the_store(encoder: Encoder, disk: Mount, tmp_path: Path) -> None:
    place = Place(tmp_path, Counting(encoder), str(disk(TINY)))
    place.write("a.jsonl", [record("a1")])
    place.run()
    old = place.version()
    (tmp_path / "disk/other").write_bytes(bytes(200_000))
    place.write("b.jsonl", [record(f"b{n}") for n in range(200)])
    with pytest.raises(StoreError, match="the disk is full"):
        place.run()
    assert place.version() == old
    assert place.current().manifest.documents == 1
    # What the failed run left is swept later; its lease, which it couldn't give back, expires.
    (tmp_path / "disk/other").unlink()
    place.write("b.jsonl", [record("b1")])
    for _ in range(60):
        with suppress(LeaseHeld):
            assert place.run().kind == "published"
            return
        time.sleep(0.25)
    pytest.fail("the lease never expired")


def test_a_full_disk_under_the_scratch_folder(
    place: Place, disk: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, reader = place.version(), Reader(place)
    reader.answer()
    full = disk(TINY)
    (full / "other").write_bytes(bytes(340_000))
    monkeypatch.setattr("tempfile.tempdir", str(full))
    with pytest.raises(
        (OSError, ValueError, QuerytowerError), match=r"[Nn]o space left|disk is full|os error 28"
    ):
        place.run()
    assert [*full.iterdir()] == [full / "other"]
    monkeypatch.setattr("tempfile.tempdir", None)
    expect_repair(place, reader, old)
