"""Whatever sequence of edits a corpus sees, the incremental runs end like a full rebuild."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from handler.encoder import Encoder
from handler.index.text_writer import field_name
from handler.reindex.compact import compact
from handler.search.listing import Cursor, rows_after
from handler.versions.lease import LeaseConfig
from tests.handler.reindexing import Counting, Place, expect_the_same, gone, record


@pytest.mark.parametrize("exact", [False, True], ids=["compact", "exact"])
@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_edits_ends_like_a_full_rebuild(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, exact: bool
) -> None:
    if not exact:
        monkeypatch.setattr("handler.index.vectors.EXACT_UP_TO", 0)
        monkeypatch.setattr("handler.index.vectors.CANDIDATES", 10)
    place = Place(tmp_path, Counting(encoder))
    place.corpus.mkdir()
    rng = random.Random(seed)
    objects: dict[str, list[Any]] = {
        "a.jsonl": [record(f"a{n}") for n in range(12)],
        "b.jsonl": [record("b0")],
    }
    for step in range(6):
        for edit in range(rng.randint(1, 4)):
            _edit(rng, objects, f"{step}-{edit}")
        shutil.rmtree(place.corpus)
        for name, records in objects.items():
            place.write(name, records)
        place.run()
        expect_the_same(place, tmp_path)
    if compact(place.repository, encoder, lease=LeaseConfig(seconds=2, skew=0)):
        assert not gone(place.current())
        expect_the_same(place, tmp_path)
    assert compact(place.repository, encoder, lease=LeaseConfig(seconds=2, skew=0)) is None
    assert place.run().kind == "unchanged"


def test_segments_are_added_merged_and_rewritten(encoder: Encoder, tmp_path: Path) -> None:
    """Documents keep their rows and vectors through segments, merges and gaps."""
    place = Place(tmp_path, Counting(encoder))
    records = [record(n, year=n) for n in range(40)]
    sizes: list[list[int]] = []
    for step in range(8):
        place.write("a.jsonl", records)
        outcome = place.run()
        index = place.current()
        assert outcome.encoded == (40 if step == 0 else 2)
        assert len(index.order) == len(records)
        sizes.append([documents for documents, _ in index.manifest.segments])
        expect_the_same(place, tmp_path)
        records[step] = record(step, f"Changed in step {step}.", year=step)
        records.append(record(f"new {step}", year=-step))
    assert sizes[:5] == [[40], [40, 2], [40, 4], [40, 4, 2], [40, 8]]
    assert gone(place.current()) == 7
    place.write("a.jsonl", records[12:])
    place.run()
    assert not gone(place.current()), "a fifth is gone"
    expect_the_same(place, tmp_path)


def test_an_incremental_run_uploads_little(encoder: Encoder, tmp_path: Path) -> None:
    place = Place(tmp_path, Counting(encoder))
    records = [record(n) for n in range(300)]
    place.write("a.jsonl", records)
    place.run()
    before = place.current().manifest.files
    place.write("a.jsonl", [*records, record("new")])
    place.run()
    after = place.current().manifest.files
    known = {entry.sha256 for entry in before.values()}
    new = {name for name, entry in after.items() if entry.sha256 not in known}
    assert not [name for name in new if name.startswith("segments/0/")]
    assert {"segments/1/vectors.bin", "order.bin", "text/meta.json"} <= new


def _edit(rng: random.Random, objects: dict[str, list[Any]], mark: str) -> None:
    name = rng.choice(sorted(objects))
    records = objects[name]
    at = rng.randrange(len(records) + 1)
    kind = rng.choice(
        [
            "add",
            "add",
            "bad",
            "remove",
            "text",
            "metadata",
            "twin",
            "move",
            "rename",
            "object",
            "drop",
        ]
    )
    if kind == "add":
        records.insert(
            at, record(f"n{mark}", price=rng.choice([1, 2.5, -0.1, 1e300]), tags=["x", mark])
        )
    elif kind == "bad":
        records.insert(at, rng.choice(["{", '{"id": []}', '{"id": "\\ud800", "text": "half"}']))
    elif kind == "remove" and len(records) > 1:
        records.pop(min(at, len(records) - 1))
    elif kind in ("text", "metadata") and at < len(records) and isinstance(records[at], dict):
        change = (
            {"text": f"Changed {mark}. 東京 and on."}
            if kind == "text"
            else {"year": rng.choice([1, "unknown", 2.5])}
        )
        records[at] = records[at] | change
    elif kind == "twin":
        records.append(rng.choice([each for own in objects.values() for each in own]))
    elif kind == "move":
        objects.setdefault(rng.choice(["a.jsonl", "m.jsonl", "z/z.jsonl"]), []).extend(records[at:])
        del records[at:]
    elif kind == "rename":
        objects[f"r{mark}.jsonl"] = objects.pop(name)
    elif kind == "object":
        objects[f"o{mark}.jsonl"] = [record(f"o{mark}-{n}") for n in range(3)]
    elif kind == "drop" and len(objects) > 2:
        del objects[name]


def test_a_listing_and_a_ranking_by_a_field_pass_over_what_is_gone(
    encoder: Encoder, tmp_path: Path
) -> None:
    place = Place(tmp_path, Counting(encoder))
    records = [record(n, year=n) for n in range(20)]
    place.write("a.jsonl", records)
    place.run()
    place.write("a.jsonl", [record("first", year=-1), *records[2:]])
    place.run()
    index = place.current()
    assert gone(index) == 2
    listed, cursor = list[str](), None
    while len(rows := rows_after(index, cursor, None, 4)):
        listed += [index.document(row).id for row in rows.tolist()]
        cursor = Cursor(index.manifest.version, int(rows[-1]))
    assert sorted(listed) == sorted(["first", *(str(n) for n in range(2, 20))])
    [field] = [field_name(index.manifest.schema, name) for name in index.manifest.schema]
    assert index.text.numbers(field, index.order[:3]).tolist() == [-1, 2, 3]
