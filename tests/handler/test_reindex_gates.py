"""Gates: what is not good enough isn't published, and is kept for inspection."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handler.encoder import Encoder
from handler.errors import CorpusError, GatesFailed
from handler.index.manifest import IndexFiles
from handler.quality.gates import Limits
from tests.handler.reindexing import Counting, Place, record
from tests.stored_paths import PATHS


@pytest.fixture
def place(encoder: Encoder, tmp_path: Path) -> Place:
    place = Place(tmp_path, Counting(encoder))
    place.write("a.jsonl", [record(f"a{n}") for n in range(20)])
    place.write("b.jsonl", [record(f"b{n}") for n in range(20)])
    return place


def test_too_many_rejects_publish_nothing_and_keep_the_candidate(place: Place) -> None:
    place.run()
    version, before = place.version(), place.snapshot()
    place.write("a.jsonl", [*(record(f"a{n}") for n in range(20)), *["{"] * 3])
    with pytest.raises(
        GatesFailed, match=r"3 of 43 records were rejected, at most 1\.0% may be\. It is kept"
    ) as caught:
        place.run(limits=replace(Limits(), min_self_retrieval=0.0))
    assert place.version() == version
    assert before.items() <= place.snapshot().items()
    assert place.measured[-1] == {"ReindexFailed": 1, "GatesFailed": 1}
    (candidate,) = place.versions() - {version}
    assert candidate in str(caught.value)
    data, _ = place.store.get(f"{PATHS.version(candidate)}/{IndexFiles.MANIFEST}")
    assert json.loads(data)["failures"] == ["3 of 43 records were rejected, at most 1.0% may be"]
    assert place.store.get(f"{PATHS.version(candidate)}/{IndexFiles.REJECTS}")[0].count(b"\n") == 3


def test_a_corpus_that_failed_is_not_built_again_until_it_changes(place: Place) -> None:
    strict = Limits(min_self_retrieval=0.0)
    place.run(limits=strict)
    place.write("a.jsonl", [])
    with pytest.raises(GatesFailed):
        place.run(limits=strict)
    before = place.snapshot()
    with pytest.raises(GatesFailed, match="The corpus has not changed since"):
        place.run(limits=strict)
    assert place.snapshot() == before
    place.write("a.jsonl", [record("a1")])
    with pytest.raises(GatesFailed, match=r"47\.5% fewer"):
        place.run(limits=strict)
    assert len(place.versions()) == 2, "one candidate takes the place of the other"
    place.write("a.jsonl", [record(f"a{n}") for n in range(15)])
    assert place.run(limits=strict).kind == "published"
    assert "verdict.json" not in place.paths()


def test_a_drop_in_documents_needs_force(place: Place) -> None:
    strict = Limits(min_self_retrieval=0.0)
    place.run(limits=strict)
    (place.corpus / "b.jsonl").unlink()
    with pytest.raises(
        GatesFailed, match=r"20 documents are 50\.0% fewer than the 40 .* with force"
    ):
        place.run(limits=strict)
    assert place.run(limits=strict, force=True).kind == "published"
    assert place.current().manifest.documents == 20


def test_a_drop_up_to_the_limit_passes(place: Place) -> None:
    strict = Limits(min_self_retrieval=0.0)
    place.run(limits=strict)
    place.write("b.jsonl", [record(f"b{n}") for n in range(12)])
    assert place.run(limits=strict).kind == "published"


def test_documents_that_dont_find_themselves_are_not_published(place: Place) -> None:
    class Forgetful(Counting):
        def encode(self, texts: Any, kind: Any) -> Any:
            vectors = super().encode(texts, kind)
            return vectors[::-1].copy() if kind == "document" else vectors

    with pytest.raises(GatesFailed, match=r"self_retrieval is 0\.\d+, but must be at least 0\.900"):
        place.run(encoder=Forgetful(place.encoder), limits=Limits())
    assert "current.json" not in place.paths()


def test_golden_queries_may_not_lose_more_than_the_limit(place: Place) -> None:
    strict = replace(Limits(max_drop=1.0), min_self_retrieval=0.0)
    place.golden({"q1": "The a3", "q2": "The b4"}, {"q1": {"a3": 2, "b1": 1}, "q2": {"b4": 1}})
    first = place.run(limits=strict)
    assert first.manifest is not None
    assert 0.3 < first.manifest.quality["ndcg@10"] <= 1
    (place.corpus / "b.jsonl").unlink()
    with pytest.raises(
        GatesFailed,
        match=r"nDCG@10 of the golden queries fell from 0\.\d+ to 0\.\d+, by more than 0\.020",
    ):
        place.run(limits=strict)
    assert place.version() == first.version


def test_golden_queries_that_came_later_are_compared_with_the_old_version_all_the_same(
    place: Place,
) -> None:
    place.run()
    place.golden({"q": "The b4"}, {"q": {"b4": 1}})
    (place.corpus / "b.jsonl").unlink()
    with pytest.raises(GatesFailed, match="nDCG@10"):
        place.run(limits=replace(Limits(max_drop=1.0), min_self_retrieval=0.0))


def test_malformed_golden_queries_are_named(place: Place) -> None:
    place.store.put(f"{PATHS.golden}/queries.jsonl", b'{"_id": "q"}\n')
    with pytest.raises(
        CorpusError, match=r"golden/queries\.jsonl line 1 is neither a query nor a judgment"
    ):
        place.run()


def test_documents_with_one_beginning_find_themselves(place: Place) -> None:
    opening = (
        "License work copyright notice grant patent source form contribution terms legal entity. "
        * 3
    )
    place.write(
        "a.jsonl", [{"id": f"a{n}", "text": f"{opening} And this is text {n}."} for n in range(60)]
    )
    assert place.run(limits=Limits(max_drop=1.0)).kind == "published"
