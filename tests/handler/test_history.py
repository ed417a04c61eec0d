"""The history of an index: list, go back, remove, compare."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from handler.corpus.passages import Split
from handler.encoder import Encoder
from handler.errors import GatesFailed, IndexUnavailable, LeaseHeld, LostRace
from handler.index.manifest import IndexFiles
from handler.index.writer import Options
from handler.quality.compare import compare_versions
from handler.quality.gates import Limits
from handler.storage.store import StoredObject
from handler.versions.live_index import LiveIndex
from handler.versions.prune import prune
from handler.versions.rollback import rollback
from tests.handler.reindexing import Counting, Place, record
from tests.stored_paths import PATHS

NEXT_WEEK = datetime.now(UTC) + timedelta(days=7)


@pytest.fixture
def place(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Four versions, a minute apart by their names, with one document more each."""
    made = iter(range(100))
    start = datetime.now(UTC) - timedelta(minutes=10)
    monkeypatch.setattr(
        "handler.index.writer.new_version",
        lambda: f"{start + timedelta(minutes=next(made)):%Y%m%dT%H%M%S}-abcdef",
    )
    place = Place(tmp_path, Counting(encoder))
    place.golden({"q": "The d2"})
    for number in range(1, 5):
        place.write("d.jsonl", [record(f"d{n}") for n in range(number)])
        place.run()
    return place


def names(place: Place) -> list[str]:
    return [version.name for version in place.repository.versions()]


def fail(place: Place) -> str:
    """Make a candidate that fails the gates, and return its name."""
    place.write("d.jsonl", [record("d0"), *["{"] * 9])
    before = {*names(place)}
    with pytest.raises(GatesFailed):
        place.run(limits=Limits(min_self_retrieval=0.0))
    (candidate,) = {*names(place)} - before
    return candidate


def test_versions_come_newest_first_with_their_figures(place: Place) -> None:
    found = place.repository.versions()
    assert [version.manifest.documents for version in found] == [4, 3, 2, 1]
    assert found[0].name == place.version()


def test_what_has_no_manifest_is_no_version(place: Place) -> None:
    place.store.put(f"{PATHS.versions}/20200101T000000-aaaaaa/vectors.bin", b"1")
    assert len(names(place)) == 4


def test_rollback_goes_one_back_and_further_back(place: Place) -> None:
    fourth, third, second, _ = names(place)
    assert rollback(place.repository).version == third
    assert place.current().manifest.documents == 3
    pointer = rollback(place.repository)
    assert pointer.version == place.version() == second
    assert [version for version, _ in pointer.history][-2:] == [fourth, third]


def test_rollback_to_a_named_version_and_forward_again(place: Place) -> None:
    fourth, _, _, first = names(place)
    assert rollback(place.repository, first).version == first
    assert rollback(place.repository, fourth).version == fourth
    assert rollback(place.repository, fourth).version == fourth


def test_the_scheduled_run_does_not_undo_a_rollback(place: Place) -> None:
    fourth, third, *_ = names(place)
    rollback(place.repository)
    assert place.run().kind == "rolled back"
    assert place.version() == third
    assert place.run(force=True).kind == "published"
    assert place.current().manifest.documents == 4
    rollback(place.repository, third)
    place.write("e.jsonl", [record("e")])
    assert place.run().kind == "published"
    assert fourth in names(place)


def test_rollback_passes_over_failed_candidates_unless_named(place: Place) -> None:
    _, third, *_ = names(place)
    rollback(place.repository)
    candidate = fail(place)
    assert rollback(place.repository).version < third
    assert rollback(place.repository, candidate).version == candidate
    assert place.run().kind == "unchanged"


def test_rollback_to_what_is_not_there_or_damaged_changes_nothing(place: Place) -> None:
    fourth, third, *_ = names(place)
    with pytest.raises(IndexUnavailable, match="no version '2020'"):
        rollback(place.repository, "2020")
    place.store.put(place.file(IndexFiles.VECTORS, third), b"short")
    with pytest.raises(
        IndexUnavailable,
        match=rf"{third} is damaged: segments/0/{IndexFiles.VECTORS} missing or incomplete",
    ):
        rollback(place.repository)
    assert place.version() == fourth


def test_rollback_from_the_first_says_so(place: Place) -> None:
    rollback(place.repository, names(place)[-1])
    with pytest.raises(IndexUnavailable, match="no version older than"):
        rollback(place.repository)


def test_a_pointer_that_moved_meanwhile_is_left_alone(place: Place) -> None:
    _, etag = place.repository.pointer()
    _, third, second, _ = names(place)
    rollback(place.repository, third)
    with pytest.raises(LostRace):
        place.repository.publish(second, etag)
    assert place.version() == third


def test_prune_keeps_the_newest(place: Place) -> None:
    found = names(place)
    assert prune(place.repository, 2, now=NEXT_WEEK) == sorted(found[2:])
    assert names(place) == found[:2]
    assert place.versions() == {*found[:2]}


def test_prune_never_removes_the_current_version(place: Place) -> None:
    found = names(place)
    rollback(place.repository, found[-1])
    assert prune(place.repository, 1, now=NEXT_WEEK) == sorted(found[1:3])
    assert names(place) == [found[0], found[-1]]


def test_prune_leaves_what_is_younger_than_the_grace_period(place: Place) -> None:
    found = names(place)
    assert prune(place.repository, 1, grace=3600) == []
    assert prune(place.repository, 1, grace=0) == sorted(found[1:])


def test_prune_leaves_what_was_current_within_the_grace_period(place: Place) -> None:
    """All versions are old by their names, but the second was replaced a moment ago."""
    found = names(place)
    rollback(place.repository, found[1])
    rollback(place.repository, found[0])
    removed = prune(place.repository, 1, grace=8 * 60.0)
    assert found[1] not in removed
    assert found[1] in names(place)


def test_prune_removes_failed_candidates_but_the_last(place: Place) -> None:
    good = names(place)
    candidate = fail(place)
    assert prune(place.repository, 1, now=NEXT_WEEK) == sorted(good[1:])
    assert names(place) == [candidate, good[0]]
    place.write("d.jsonl", [record("d0")])
    place.run()
    assert prune(place.repository, 2, now=NEXT_WEEK) == [candidate]


def test_prune_removes_what_interrupted_uploads_left_a_day_ago(place: Place) -> None:
    root = PATHS.versions
    now = datetime.now(UTC)
    old, young = (f"{now - timedelta(hours=hours):%Y%m%dT%H%M%S}123-aaaaaa" for hours in (25, 23))
    for version in (old, young, "kept-by-hand"):
        place.store.put(f"{root}/{version}/vectors.bin", b"1")
    assert place.store.local
    (place.store.local / root / old / "scales.bin#12345").write_bytes(
        b"1"
    )  # as a writer leaves it that was killed
    assert prune(place.repository, 9) == [old]
    assert {young, "kept-by-hand"} <= place.versions()
    assert not (place.store.local / root / old).exists()


def test_prune_leaves_versions_of_a_newer_querytower(place: Place) -> None:
    root = PATHS.versions
    place.store.put(f"{root}/20200101T000000-aaaaaa/manifest.json", b'{"format": 99}')
    assert prune(place.repository, 9) == []


def test_diff_lists_documents_and_queries(place: Place) -> None:
    _, third, _, first = names(place)
    found = compare_versions(place.repository, first, third)
    assert (found.documents.added, found.documents.changed, found.documents.removed) == (
        ["d1", "d2"],
        [],
        [],
    )
    assert found.documents.unchanged == 1
    assert [(each.query, each.kept, each.before) for each in found.queries] == [("The d2", 1, 3)]
    back = compare_versions(place.repository, third, first)
    assert (back.documents.added, back.documents.removed) == ([], ["d1", "d2"])


def test_diff_of_a_version_with_itself_is_empty(place: Place) -> None:
    version = place.version()
    found = compare_versions(place.repository, version, version)
    assert (found.documents.added, found.documents.unchanged, found.queries, found.compared) == (
        [],
        4,
        [],
        1,
    )


def test_diff_of_what_is_not_there(place: Place) -> None:
    with pytest.raises(IndexUnavailable, match="no version 'x'"):
        compare_versions(place.repository, place.version(), "x")


def test_going_back_twice_publishes_neither_corpus_again(place: Place) -> None:
    for _ in range(2):
        rollback(place.repository)
    old = place.version()
    assert place.run().kind == "rolled back"
    place.write("d.jsonl", [record(f"d{n}") for n in range(1, 4)])  # another one
    assert place.run().kind == "published"
    rollback(place.repository, old)
    assert place.run().kind == "rolled back"


def test_what_was_rolled_back_does_not_cover_for_a_damaged_version(place: Place) -> None:
    rollback(place.repository)
    place.store.delete([place.file(IndexFiles.SCALES)])
    with pytest.raises(
        IndexUnavailable,
        match=r"is damaged: segments/0/scales\.bin.*the same corpus was rolled back.*use force",
    ):
        place.run()
    assert place.run(force=True).kind == "published"


def test_nobody_goes_back_to_an_altered_version(place: Place) -> None:
    old = names(place)[1]
    path = place.file(IndexFiles.VECTORS, old)
    data = place.store.get(path)[0]
    place.store.put(path, data[:-1] + b"?")
    with pytest.raises(
        IndexUnavailable, match=r"vectors\.bin is not the file its manifest describes"
    ):
        rollback(place.repository, old)
    place.store.put(path, data)
    assert rollback(place.repository, old).version == old


def test_the_first_candidate_of_all_can_be_published_by_hand(place: Place) -> None:
    for version in names(place):
        place.store.delete(each.path for each in place.store.list(PATHS.version(version)))
    place.store.delete([PATHS.pointer])
    candidate = fail(place)
    assert names(place) == [candidate]
    with pytest.raises(IndexUnavailable, match="no version older than"):
        rollback(place.repository)
    assert rollback(place.repository, candidate).version == place.version() == candidate


def test_a_candidate_that_was_published_by_hand_stays_when_the_next_one_fails(place: Place) -> None:
    candidate = fail(place)
    note = place.store.get(PATHS.last_attempt)[0]
    rollback(place.repository, candidate)
    place.store.put(PATHS.last_attempt, note)  # as if that had been broken off
    place.write("d.jsonl", [record("d0"), *["{"] * 8])
    with pytest.raises(GatesFailed):
        place.run(limits=Limits(min_self_retrieval=0.0))
    assert candidate in names(place)


@pytest.mark.parametrize("damage", ["manifest", "pointer", "no pointer"])
def test_a_rebuild_after_damage_keeps_the_options_and_the_gates(place: Place, damage: str) -> None:
    place.run(options=lambda _: Options(Split(20, 2), "f16", "german"), full=True)
    if damage == "manifest":
        path = f"{PATHS.version(place.version())}/{IndexFiles.MANIFEST}"
        place.store.put(path, place.store.get(path)[0] + b" ")
    else:
        place.store.delete([PATHS.pointer])
        if damage == "pointer":
            place.store.put(PATHS.pointer, b'{"format": 1, "version": 3}')
    place.write("d.jsonl", [record("d0")])
    with pytest.raises(GatesFailed, match="fewer than the 4 of the version before"):
        place.run(options=lambda current: current, limits=Limits(min_self_retrieval=0.0))
    outcome = place.run(
        options=lambda current: current, limits=Limits(min_self_retrieval=0.0), force=True
    )
    assert "full_rebuild" in place.events()
    manifest = outcome.manifest
    assert manifest
    assert (manifest.precision, manifest.language, manifest.split["size"]) == ("f16", "german", 20)


def paths(place: Place) -> set[str]:
    """Return the files of all versions in the store."""
    return {each.path.rpartition("/")[2] for each in place.store.list(PATHS.files)}


def named(place: Place) -> set[str]:
    """Return the files that the versions name."""
    manifests = [version.manifest for version in place.repository.versions()]
    return {entry.sha256 for manifest in manifests for entry in manifest.files.values()}


def test_versions_share_the_files_that_are_alike(place: Place) -> None:
    assert paths(place) == named(place)
    before = paths(place)
    place.write("e.jsonl", ['{"id": []}'])
    place.run(full=True)
    manifests = [version.manifest for version in place.repository.versions()[:2]]
    vectors = {manifest.files["segments/0/vectors.bin"].sha256 for manifest in manifests}
    assert manifests[0].rejected == 1
    assert len(vectors) == 1
    assert vectors <= before


def test_prune_removes_the_files_that_no_version_names(place: Place) -> None:
    everything = paths(place)
    prune(place.repository, 1)
    assert paths(place) == everything, "a run under way may want them"
    prune(place.repository, 1, now=NEXT_WEEK)
    assert paths(place) == named(place) < everything
    assert place.current().manifest.documents == 4
    place.write("d.jsonl", [record("d0")])
    place.run()
    assert place.current().manifest.documents == 1


def test_prune_removes_no_file_while_it_does_not_know_what_a_version_names(place: Place) -> None:
    everything = paths(place)
    place.store.put(f"{PATHS.versions}/20200101T000000-aaaaaa/manifest.json", b'{"format": 99}')
    assert len(prune(place.repository, 1, now=NEXT_WEEK)) == 3
    assert paths(place) == everything


def test_runs_prunes_and_readers_race_without_a_lost_file(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two corpora take turns, so that files come, go, and come back under the same name."""
    monkeypatch.undo()  # versions have their real names again

    def is_old(each: StoredObject, now: datetime) -> bool:
        return (now - each.modified).total_seconds() > 3

    monkeypatch.setattr("handler.versions.prune._is_old", is_old)
    ended, seen = Event(), list[int]()

    def prune_on() -> None:
        while not ended.is_set():
            prune(place.repository, 1, grace=60.0)

    def read_on() -> None:
        live = LiveIndex(
            place.repository,
            cache=place.folder / "cache",
            fingerprint=place.encoder.manifest.fingerprint,
            poll_seconds=0,
        )
        while not ended.is_set():
            seen.append(live.current().manifest.documents)

    def write_on(count: int) -> None:
        writer = Place(place.folder, Counting(place.encoder))
        for _ in range(4):
            with suppress(LeaseHeld, LostRace):
                place.write("d.jsonl", [record(f"d{n}") for n in range(count)])
                writer.run(force=True)

    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(prune_on), pool.submit(read_on)]
        try:
            for run in [pool.submit(write_on, count) for count in (2, 3)]:
                run.result()
        finally:
            ended.set()
        for other in others:
            other.result()
    assert {*seen} <= {2, 3, 4}
    assert place.current().manifest.documents in (2, 3)


def test_a_version_of_an_earlier_format_is_rebuilt(place: Place) -> None:
    version = place.version()
    path = f"{PATHS.version(version)}/{IndexFiles.MANIFEST}"
    old = json.loads(place.store.get(path)[0]) | {"format": 3, "precision": "f16"}
    place.store.put(path, json.dumps(old).encode())
    place.repository.publish(version, place.repository.pointer_etag())
    with pytest.raises(
        IndexUnavailable, match=r"format 3, this querytower reads \d+; run querytower reindex"
    ):
        place.current()
    outcome = place.run(options=lambda current: current)
    assert (outcome.kind, outcome.encoded) == ("published", 4)
    assert outcome.manifest
    assert outcome.manifest.precision == "f16"
    assert prune(place.repository, 1, now=NEXT_WEEK)[-1] == version
