"""An index that S3 Vectors serves, against a stand-in that knows AWS's own model of the service."""

import os
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handler.encoder import Encoder
from handler.errors import EngineUnavailable, InvalidRequest
from handler.search.filters import FilterCompiler
from handler.search.lookup import compile_filter
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from handler.tiers.s3vectors import client, stage
from handler.tiers.s3vectors.conditions import VectorConditions
from handler.tiers.s3vectors.engine import VectorsVersion
from handler.tiers.s3vectors.tier import VectorsTier
from handler.tiers.s3vectors.vectors import fields_of
from handler.versions.prune import prune
from handler.versions.rollback import rollback
from tests.beyond.answers import ids, live
from tests.beyond.vector_service import KEYS, REGION, VectorService, passes, running
from tests.handler.indexes import schema_of
from tests.handler.reindexing import QUERIES, Counting, Place, record
from tests.handler.test_filters import DOCUMENTS, random_filter
from tests.handler.test_filters import passes as mongo_passes

WANTED: tuple[dict[str, Any], ...] = (
    {},
    {"year": {"$lt": 1915}},
    {"$not": {"year": {"$lt": 1915}}},
)
LIVE = "QUERYTOWER_TEST_VECTOR_BUCKET"


@pytest.fixture(scope="module")
def encoder(tiny_model_dir: Path) -> Encoder:
    return Encoder.open(tiny_model_dir)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[VectorService]:
    with running() as made:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        for name, value in zip(names, KEYS, strict=True):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", made.url)
        monkeypatch.setenv("QUERYTOWER_VECTOR_BUCKET", "books")
        yield made


@pytest.fixture
def place(tmp_path: Path, encoder: Encoder) -> Place:
    made = Place(tmp_path, Counting(encoder))
    made.write("a.jsonl", [record(f"a{n}", shelf="x", year=1900 + n) for n in range(30)])
    return made


def test_it_answers_like_the_function(place: Place, service: VectorService) -> None:
    assert place.run(serving="s3vectors").kind == "published"
    function, vectors = place.current(), live(place).current()
    assert isinstance(vectors, VectorsVersion)
    for text in QUERIES:
        vector = place.encoder.encode([text], "query")[0]
        for wanted in WANTED:
            near = [
                engine.nearest(vector, 40, compile_filter(engine, wanted))
                for engine in (function, vectors)
            ]
            found = [dict(zip(e.documents.tolist(), e.cosines, strict=True)) for e in near]
            assert found[0].keys() == found[1].keys()
            for row, cosine in found[0].items():
                assert found[1][row] == pytest.approx(cosine, abs=2e-3)
        best = [engine.best_passages(vector, near[0].documents) for engine in (function, vectors)]
        np.testing.assert_allclose(best[0].cosines, best[1].cosines, atol=2e-3)
    assert vectors.document(3) == function.document(3)
    assert vectors.row_of("a7") == function.row_of("a7")
    assert vectors.row_of("nobody") is None
    assert {*ids(place, vectors)} == {*ids(place, function)}
    answer = Searcher(place.encoder).search(
        vectors, SearchRequest(query=QUERIES[0], facets=["shelf", "year"], sort="-year", k=3)
    )
    assert [hit.document.id for hit in answer.hits] == ["a29", "a28", "a27"]
    assert [(each.value, each.documents) for each in answer.facets["shelf"]] == [("x", 30)]


def test_filters_mean_the_same_or_are_refused() -> None:
    schema = schema_of(DOCUMENTS)
    metadata = [{"row": row, **fields_of(schema, each)} for row, each in enumerate(DOCUMENTS)]
    rng, compared = random.Random(5), 0
    for _ in range(300):
        condition = random_filter(rng)
        try:
            compiled = FilterCompiler(schema, VectorConditions(schema)).compile(condition)
        except InvalidRequest as refused:
            assert "can't be asked" in str(refused)  # noqa: PT017
            continue
        compared += 1
        found = [passes(each, compiled) for each in metadata]
        assert found == [mongo_passes(each.metadata, condition) for each in DOCUMENTS], condition
    assert compared > 100


def test_what_it_cannot_do_is_refused(place: Place, service: VectorService) -> None:
    place.run(serving="s3vectors")
    vectors = live(place).current()
    for wish in (
        {"query": "copyright -notice"},
        {"query": "", "filter": {"shelf": "x"}},
        {"query": "a", "filter": {"shelf": {"$contains": "x"}}},
        {
            "query": "a",
            "filter": {"$or": [{"year": {"$in": [*range(60)]}}, {"year": {"$in": [*range(50)]}}]},
        },
    ):
        with pytest.raises(InvalidRequest, match="S3 Vectors"):
            ids(place, vectors, **wish)


def test_an_update_leaves_the_version_before_as_it_was(
    place: Place, service: VectorService
) -> None:
    place.run(serving="s3vectors")
    first, older = place.version(), live(place).current()
    before = ids(place, older)
    place.write("a.jsonl", [record(f"a{n}", shelf="x", year=1900 + n) for n in range(2, 31)])
    service.asked.clear()
    outcome = place.run()
    assert outcome.manifest
    assert outcome.manifest.served["sequence"] == "2"
    assert "CreateIndex" not in service.asked
    expected = {f"a{n}" for n in range(2, 31)}
    assert {*ids(place, live(place).current())} == expected
    assert ids(place, older) == before
    assert rollback(place.repository).version == first
    assert ids(place, live(place).current()) == before
    # What was rolled back can't be built upon: the next version gets an index of its own.
    place.write("a.jsonl", [record(f"a{n}", shelf="x", year=1900 + n) for n in range(3, 31)])
    place.run()
    assert len(service.indexes) == 2
    assert {*ids(place, live(place).current())} == {f"a{n}" for n in range(3, 31)}
    assert ids(place, older) == before


def test_a_run_killed_while_it_stages_changes_nothing(
    place: Place, service: VectorService, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run(serving="s3vectors")
    reader = live(place)
    before = ids(place, reader.current())
    place.write("a.jsonl", [record(f"a{n}", shelf="x", year=1900 + n) for n in range(2, 31)])
    with monkeypatch.context() as patch:
        patch.setattr(stage, "entries", _killed)
        with pytest.raises(KeyboardInterrupt):
            place.run()
    reader.refresh()
    assert ids(place, reader.current()) == before
    place.run()
    reader.refresh()
    assert {*ids(place, reader.current())} == {f"a{n}" for n in range(2, 31)}


def _killed(*_given: object) -> None:
    raise KeyboardInterrupt


def test_pruning_removes_what_no_version_needs(
    place: Place, service: VectorService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "UNPUBLISHED", timedelta(0))
    place.run(serving="s3vectors")
    place.write("a.jsonl", [record(f"a{n}", shelf="x", year=1900 + n) for n in range(2, 31)])
    place.run()
    [kept] = service.vectors.values()
    assert any(key.startswith("0.") for key in kept)
    assert prune(place.repository, keep=1, grace=-1)
    [kept] = service.vectors.values()
    assert not any(key.startswith("0.") for key in kept)
    assert {*ids(place, live(place).current())} == {f"a{n}" for n in range(2, 31)}


def test_a_service_that_throttles_is_asked_again_and_then_is_unavailable(
    place: Place, service: VectorService, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run(serving="s3vectors")
    vectors = live(place).current()
    expected = ids(place, vectors)
    service.failing = [429, 503]
    assert ids(place, vectors) == expected
    monkeypatch.setattr(client, "PATIENCE", 0.2)
    service.failing = [429] * 100
    with pytest.raises(EngineUnavailable, match="429"):
        ids(place, vectors)


@pytest.mark.skipif(LIVE not in os.environ, reason=f"set {LIVE} to a vector bucket of yours")
def test_against_aws(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs cents. The bucket and the credentials are yours; the index is removed in the end."""
    monkeypatch.setenv("QUERYTOWER_VECTOR_BUCKET", os.environ[LIVE])
    monkeypatch.setattr(stage, "UNPUBLISHED", timedelta(0))
    place.run(serving="s3vectors")
    try:
        assert {*ids(place, live(place).current())} == {f"a{n}" for n in range(30)}
    finally:
        VectorsTier.at(place.repository.folder.url).vacuum([])
