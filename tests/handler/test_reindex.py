"""The reindex: incremental like a full rebuild, judged, published whole or not at all."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handler.corpus.passages import Split
from handler.corpus.sources import open_corpus
from handler.encoder import Encoder
from handler.errors import CorpusError, StoreError
from handler.index.manifest import IndexFiles
from handler.index.writer import Options
from handler.reindex.baseline import Baseline
from handler.reindex.job import Outcome, Preview
from handler.reindex.pipeline import preview
from handler.versions.repository import IndexRepository
from tests.handler.reindexing import SHORT, Counting, Place, expect_the_same, record
from tests.library import index_corpus
from tests.stored_paths import PATHS


@pytest.fixture
def place(encoder: Encoder, tmp_path: Path) -> Place:
    place = Place(tmp_path, Counting(encoder))
    place.write("a.jsonl", [record(f"a{n}") for n in range(20)])
    place.write("b.jsonl", [record(f"b{n}", year=1990 + n) for n in range(20)])
    return place


def test_the_first_run_makes_the_index(place: Place) -> None:
    outcome = place.run()
    assert (outcome.kind, outcome.encoded, outcome.version) == ("published", 40, place.version())
    assert place.measured == [{"ReindexSucceeded": 1, "DocumentsEncoded": 40}]
    index = place.current()
    assert [index.document(row).id for row in (0, 19, 20, 39)] == ["a0", "a19", "b0", "b19"]
    assert index.manifest.passages > 40
    assert set(index.manifest.quality) == {"self_retrieval", "recall@10", "noise"}


def test_no_change_means_no_new_version_and_nothing_is_read(place: Place) -> None:
    place.run()
    before = place.snapshot()
    (place.corpus / "a.jsonl").chmod(0o200)
    outcome = place.run()
    assert (outcome.kind, outcome.version) == ("unchanged", place.version())
    assert place.encoder.encoded == []
    assert place.snapshot() == before


def test_objects_written_anew_with_the_same_documents_are_no_change(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run()
    shutil.copy(place.corpus / "a.jsonl", place.corpus / "copy")
    (place.corpus / "copy").rename(place.corpus / "a.jsonl")
    assert place.run().kind == "unchanged"
    monkeypatch.setattr(
        "handler.reindex.plan.IncrementalReader", None
    )  # the next run must not even get there
    assert place.run().kind == "unchanged"


def test_only_what_is_new_or_changed_is_encoded(place: Place, tmp_path: Path) -> None:
    place.run()
    records = [record(f"a{n}") for n in range(20)]
    place.write(
        "a.jsonl",
        [*records[:5], record("a5", "Another text altogether."), *records[7:], record("new")],
    )
    outcome = place.run()
    assert place.encoder.encoded == [*_passages(place, "a5"), *_passages(place, "new")]
    assert outcome.encoded == 2
    assert outcome.drift is not None
    assert (outcome.drift.added, outcome.drift.changed, outcome.drift.removed) == (1, 1, 1)
    expect_the_same(place, tmp_path)


def _passages(place: Place, key: str) -> list[str]:
    index = place.current()
    row = index.row_of(key)
    assert row is not None
    document = index.document(row)
    spans = [index.span(int(passage)) for passage in index.passages_of(np.array([row]))]
    return [f"{document.title} {document.text[start:end]}" for start, end in spans]


def test_a_change_of_metadata_encodes_nothing_and_is_found(place: Place, tmp_path: Path) -> None:
    place.run()
    place.write("b.jsonl", [record(f"b{n}", year=2000 + n, shelf="x") for n in range(20)])
    outcome = place.run()
    assert (outcome.kind, place.encoder.encoded) == ("published", [])
    assert place.current().document(20).metadata == {"year": 2000, "shelf": "x"}
    expect_the_same(place, tmp_path)


def test_unchanged_objects_are_not_read_again(place: Place, tmp_path: Path) -> None:
    place.run()
    place.write("c.jsonl", [record("c0")])
    corpus = open_corpus(str(place.corpus))
    opened: list[str] = []
    lend = type(corpus).opened

    class Watched(type(corpus)):  # type: ignore[misc]
        def opened(self, item: Any, scratch: Path) -> Any:
            opened.append(item.path)
            return lend(self, item, scratch)

    assert place.run(corpus=Watched(place.corpus)).kind == "published"
    assert opened == ["c.jsonl"]
    expect_the_same(place, tmp_path)


def test_a_text_that_occurs_twice_is_encoded_once(place: Place) -> None:
    place.write("a.jsonl", [record(f"a{n}", "The same words.", title="Twice") for n in range(9)])
    place.write("b.jsonl", [])
    place.run()
    assert place.encoder.encoded == _passages(place, "a4")
    assert place.current().manifest.documents == 9


def test_deleted_objects_take_their_documents_along(place: Place, tmp_path: Path) -> None:
    place.run()
    (place.corpus / "a.jsonl").unlink()
    assert place.run().kind == "published"
    assert place.current().manifest.documents == 20
    assert place.encoder.encoded == []
    expect_the_same(place, tmp_path)


def test_the_second_of_a_pair_appears_when_the_first_goes(place: Place, tmp_path: Path) -> None:
    twin = record("twin", "From the second object.")
    place.write("a.jsonl", [record("twin", "From the first object."), record("a1")])
    place.write("b.jsonl", [twin, record("b1")])
    place.run()
    assert place.current().manifest.rejected == 1
    place.write("a.jsonl", [record("a1")])
    place.run()
    index = place.current()
    row = index.row_of("twin")
    assert row is not None
    assert index.document(row).text == "From the second object."
    assert index.manifest.rejected == 0
    expect_the_same(place, tmp_path)


def test_rejects_of_unchanged_objects_are_still_counted_and_listed(
    place: Place, tmp_path: Path
) -> None:
    place.write("b.jsonl", [record("b0"), "{broken", record("b1"), '{"id": "empty"}'])
    place.run()
    place.write("a.jsonl", [record("a0")])
    place.run()
    root = PATHS.version(place.version())
    listed = [
        json.loads(line) for line in place.store.get(f"{root}/{IndexFiles.REJECTS}")[0].splitlines()
    ]
    assert [(each["source"], each["line"]) for each in listed] == [("b.jsonl", 2), ("b.jsonl", 4)]
    expect_the_same(place, tmp_path)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (Options(Split(24, 4)), "the passage settings changed"),
        (Options(Split(16, 4), "f16"), "the precision changed from i8 to f16"),
        (Options(Split(16, 4), language="german"), "the language changed from english to german"),
    ],
)
def test_other_settings_mean_a_full_rebuild(place: Place, options: Options, reason: str) -> None:
    place.run()
    assert place.run(options=lambda _: options).encoded == 40
    assert [
        fields["reason"].startswith(reason)
        for event, fields in place.told
        if event == "full_rebuild"
    ] == [True]
    manifest = place.current().manifest
    assert (manifest.precision, manifest.language) == (options.precision, options.language)
    assert place.run(options=lambda current: current).kind == "unchanged"


def test_another_model_means_a_full_rebuild(place: Place) -> None:
    place.run()
    manifest = replace(
        place.encoder.manifest, prompts={"document": "passage: ", "query": "query: "}
    )
    place.encoder.manifest = manifest
    outcome = place.run()
    assert outcome.encoded == 40
    assert "the model changed" in dict(place.told)["full_rebuild"]["reason"]
    assert outcome.drift is not None
    assert outcome.drift.centroid_shift is None
    assert (outcome.drift.added, outcome.drift.removed) == (0, 0)


def test_a_full_rebuild_can_be_asked_for(place: Place) -> None:
    first = place.run().version
    assert place.run(full=True).encoded == 40
    paths = [place.file(IndexFiles.VECTORS, version) for version in (first, place.version())]
    assert paths[0] == paths[1], "the same vectors are the same file"


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(place: Place, tmp_path: Path) -> None:
    first = preview(place.job())
    assert isinstance(first, Preview)
    assert (first.documents, first.encode, first.changes) == (40, 40, None)
    assert not (tmp_path / "store").exists()
    place.run()
    place.write("b.jsonl", [record("b0", year=1990), record("b1", "Changed."), record("b99")])
    before = place.snapshot()
    second = preview(place.job())
    assert isinstance(second, Preview)
    assert second.changes is not None
    assert (second.encode, second.changes.added, second.changes.changed) == (2, ["b99"], ["b1"])
    assert second.changes.removed == sorted(f"b{n}" for n in range(2, 20))
    assert place.snapshot() == before
    place.run()
    assert isinstance(preview(place.job()), Outcome)


def test_index_and_reindex_follow_each_other(place: Place, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.jsonl"
    index_corpus(place.corpus, rejects, place.repository, place.encoder, options=lambda _: SHORT)
    assert place.run().kind == "unchanged"
    place.write("c.jsonl", [record("c")])
    assert place.run().encoded == 1
    expect_the_same(place, tmp_path)


def test_options_stay_those_of_the_version_before(place: Place) -> None:
    place.run()
    assert Baseline.read(place.repository).options() == SHORT


# What can't be indexed


def test_an_empty_corpus_changes_nothing(place: Place) -> None:
    place.run()
    before = place.snapshot()
    place.write("a.jsonl", [])
    place.write("b.jsonl", [])
    with pytest.raises(CorpusError, match="the corpus is empty"):
        place.run(force=True)
    assert place.snapshot() == before


def test_a_store_inside_the_corpus_is_refused(place: Place) -> None:
    with pytest.raises(StoreError, match="lies inside the corpus"):
        place.run(corpus=open_corpus(str(place.folder)))


@pytest.mark.parametrize("way", ["dots", "link"])
def test_a_store_inside_the_corpus_is_found_by_any_way(
    place: Place, tmp_path: Path, way: str
) -> None:
    place.write("a.jsonl", [record("a")])
    (tmp_path / "link").symlink_to(place.corpus)
    (place.corpus / "sub").mkdir()
    url = {"dots": f"{place.corpus}/sub/..", "link": f"{tmp_path}/link"}[way]
    inside = IndexRepository.open(str(place.corpus / "store"))
    with pytest.raises(StoreError, match="lies inside the corpus"):
        place.run(corpus=open_corpus(url), repository=inside)


def test_a_file_whose_name_is_no_text_is_read_all_the_same(place: Place) -> None:
    Path(os.fsdecode(os.fsencode(place.corpus) + b"/caf\xe9.txt")).write_text("A text.")
    outcome = place.run()
    assert outcome.manifest
    assert outcome.manifest.rejected == 0
    assert place.current().text.row_of("caf\ufffd.txt") is not None
    assert place.run().kind == "unchanged"
