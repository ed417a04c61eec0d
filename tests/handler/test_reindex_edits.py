"""Whatever sequence of edits a corpus sees, the incremental runs end like a full rebuild."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from handler.encoder import Encoder
from tests.handler.reindexing import Counting, Place, expect_the_same, record


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
