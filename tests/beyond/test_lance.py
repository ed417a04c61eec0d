"""An index that Lance serves answers like the function's own, and whole versions only."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import numpy as np
import pytest

from handler.app import create_app
from handler.encoder import Encoder
from handler.errors import InvalidRequest
from handler.index.arrays import Rows, Scores
from handler.index.engine import Engine
from handler.index.index_version import IndexVersion
from handler.search.filters import FilterCompiler
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from handler.service import Service
from handler.tiers.lance import datasets, stage
from handler.tiers.lance.engine import LanceVersion
from handler.tiers.lance.tier import LanceTier
from handler.versions.prune import prune
from handler.versions.repository import IndexRepository
from handler.versions.rollback import rollback
from tests.beyond.answers import ids, live
from tests.handler.indexes import build
from tests.handler.reindexing import QUERIES, Counting, Place, record
from tests.handler.test_filters import DOCUMENTS, random_filter
from tests.library import BOOKS, Library, index_corpus, write_corpus
from tests.s3 import S3Server, environment, s3_server
from tests.serving import serving

__all__ = ["s3_server"]

FLAGS: dict[str, Any] = {"verbatim": False, "typing": False, "alternatives": {}}


@pytest.fixture(scope="module")
def encoder(tiny_model_dir: Path) -> Encoder:
    return Encoder.open(tiny_model_dir)


@pytest.fixture
def place(tmp_path: Path, encoder: Encoder) -> Place:
    made = Place(tmp_path, Counting(encoder))
    made.write("a.jsonl", [record(f"a{n}", shelf="x", year=1900 + n) for n in range(30)])
    return made


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> tuple[Engine, Engine]:
    """The same documents in the function and in Lance."""
    folder = tmp_path_factory.mktemp("filtered")
    return both(build(folder / "version", DOCUMENTS, encoder), folder)


def both(index: IndexVersion, folder: Path) -> tuple[Engine, Engine]:
    tier = LanceTier.at(str(folder))
    index.manifest.served.update(tier.stage(index, None))
    return index, tier.open(index.manifest)


def test_filters_mean_the_same_in_lance(filtered: tuple[Engine, Engine]) -> None:
    rng = random.Random(7)
    for _ in range(150):
        condition = random_filter(rng)
        found = []
        for engine in filtered:
            compiled = FilterCompiler(engine.manifest.schema, engine.conditions).compile(condition)
            found.append(engine.rows_matching(compiled, 1000).tolist())
            assert engine.count(compiled) == len(found[-1])
        assert found[0] == found[1], condition


def test_patterns_mean_the_same_or_are_refused(filtered: tuple[Engine, Engine]) -> None:
    for name in ("$startsWith", "$contains", "$ieq"):
        found = []
        for engine in filtered:
            compiler = FilterCompiler(engine.manifest.schema, engine.conditions)
            found.append(engine.rows_matching(compiler.compile({"genre": {name: "goth"}}), 1000))
        assert found[0].tolist() == found[1].tolist()
    compiler = FilterCompiler(filtered[1].manifest.schema, filtered[1].conditions)
    with pytest.raises(InvalidRequest, match="a list, can't be asked"):
        compiler.compile({"tags": {"$startsWith": "a"}})


def test_nearest_and_words_answer_like_the_function(place: Place) -> None:
    assert place.run(serving="lance").kind == "published"
    function, lance = place.current(), live(place).current()
    assert isinstance(lance, LanceVersion)
    for text in QUERIES:
        vector = place.encoder.encode([text], "query")[0]
        for wanted in (None, {"year": {"$lt": 1915}}):
            near = []
            for engine in (function, lance):
                where = wanted and FilterCompiler(
                    engine.manifest.schema, engine.conditions
                ).compile(wanted)
                near.append(engine.nearest(vector, 5, where or None))
            np.testing.assert_allclose(near[0].cosines, near[1].cosines, atol=2e-3)
        rows = near[0].documents
        best = [engine.best_passages(vector, rows) for engine in (function, lance)]
        np.testing.assert_allclose(best[0].cosines, best[1].cosines, atol=2e-3)
        assert {*function.passages_of(rows).tolist()} == {*lance.passages_of(rows).tolist()}
        matched = [words_of(engine, text) for engine in (function, lance)]
        assert {*matched[0][0].tolist()} <= {*matched[1][0].tolist()}
    assert function.document(3) == lance.document(3)
    assert lance.row_of("a7") == function.row_of("a7")
    assert lance.rows_after(3, None, 4).tolist() == function.rows_after(3, None, 4).tolist()
    span = function.span(5)
    assert lance.span(5) == span


def words_of(engine: Engine, text: str) -> tuple[Rows, Scores]:
    return engine.matching(engine.words(text, **FLAGS).query, 100)


def test_exclusions_and_phrases(place: Place) -> None:
    place.write(
        "b.jsonl", [record("lone", "a lighthouse keeper of copyright"), record("b", "copyright")]
    )
    place.run(serving="lance")
    lance = live(place).current()
    found = ids(place, lance, query="copyright -lighthouse")
    assert "b" in found
    assert "lone" not in found
    assert ids(place, lance, query='"lighthouse keeper"')[0] == "lone"
    assert ids(place, lance, query="", filter={"shelf": "x"}, sort="-year")[:2] == ["a29", "a28"]


def test_an_update_leaves_the_version_before_as_it_was(place: Place) -> None:
    place.run(serving="lance")
    first, older = place.version(), live(place).current()
    before = ids(place, older)
    place.write("a.jsonl", [record(f"a{n}", shelf="x", year=1900 + n) for n in range(2, 31)])
    outcome = place.run()
    assert outcome.manifest
    assert outcome.encoded == 1
    assert outcome.manifest.served["by"] == "lance"
    newer = live(place).current()
    assert {*ids(place, newer)} == {f"a{n}" for n in range(2, 31)}
    assert ids(place, older) == before
    assert rollback(place.repository).version == first
    assert ids(place, live(place).current()) == before


def test_an_index_moves_to_lance_and_back(place: Place) -> None:
    place.run()
    assert place.run().kind == "unchanged"
    assert place.run(serving="lance").encoded == 0
    assert isinstance(live(place).current(), LanceVersion)
    assert place.run().kind == "unchanged"
    assert place.run(serving="function").kind == "published"
    assert isinstance(live(place).current(), IndexVersion)


def test_a_run_killed_while_it_stages_changes_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run(serving="lance")
    reader = live(place)
    before = ids(place, reader.current())
    place.write("a.jsonl", [record(f"a{n}", shelf="z", year=2000 + n) for n in range(29)])
    with monkeypatch.context() as patch:
        patch.setitem(stage.KINDS, "passages", _killed)
        with pytest.raises(KeyboardInterrupt):
            place.run()
    reader.refresh()
    assert ids(place, reader.current()) == before
    place.run()
    reader.refresh()
    found = Searcher(place.encoder).search(reader.current(), SearchRequest(query=QUERIES[0], k=100))
    assert len(found.hits) == 29
    assert {hit.document.metadata["shelf"] for hit in found.hits} == {"z"}


def _killed(*_given: object) -> None:
    raise KeyboardInterrupt


def test_readers_see_whole_versions_only(place: Place) -> None:
    """Each version has one value in all its documents; an answer with two would be half of one."""
    place.run(serving="lance")
    reader, ended = live(place), Event()

    def read() -> int:
        searcher, reads = Searcher(place.encoder), 0
        while not ended.is_set():
            wish = SearchRequest(query=QUERIES[reads % 4], k=100, facets=["shelf"])
            answer = searcher.search(reader.current(), wish)
            shelves = {hit.document.metadata["shelf"] for hit in answer.hits}
            assert len(shelves) == 1
            assert {each.value for each in answer.facets["shelf"]} == shelves
            assert len(answer.hits) == 30
            reads += 1
        return reads

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for shelf in ("p", "q"):
                place.write("a.jsonl", [record(f"a{n}", shelf=shelf, year=n) for n in range(30)])
                place.run(force=True)
                rollback(place.repository)
        finally:
            ended.set()
        assert all(each.result() > 0 for each in readers)


def test_pruning_removes_what_no_version_needs(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handler.tiers.lance.tier.UNPUBLISHED", timedelta(0))
    for n in range(3):
        place.write("a.jsonl", [record(f"a{i}", shelf=str(n)) for i in range(30)])
        place.run(serving="lance")
    removed = prune(place.repository, keep=1, grace=-1)
    assert removed
    documents = LanceTier.at(place.repository.folder.url).datasets.open("documents")
    assert not {*removed} & {*documents.tags.list()}
    assert set(ids(place, live(place).current())) == {f"a{i}" for i in range(30)}


@pytest.fixture
def address(tmp_path: Path, library: Library) -> Iterator[str]:
    """URL of a server whose index Lance serves."""
    corpus = write_corpus(tmp_path / "books.jsonl", BOOKS)
    repository = IndexRepository.open(str(tmp_path / "store"))
    index_corpus(
        corpus, tmp_path / "rejects", repository, Encoder.open(library.model), serving="lance"
    )
    settings = library.settings(store=str(tmp_path / "store"))
    service = Service.open(settings)
    with serving(create_app(settings, lambda: service)) as port:
        yield f"http://127.0.0.1:{port}"


def test_an_answer_says_what_its_facets_are_of(address: str) -> None:
    schema = httpx.get(f"{address}/schema").json()
    assert (schema["served_by"], schema["facets_of"]) == ("lance", "candidates")
    answer = httpx.get(f"{address}/search?q=mystery&facets=genres").json()
    assert answer["facets_of"] == "candidates"
    assert {each["value"] for each in answer["facets"]["genres"]} >= {"mystery", "coast"}
    assert len(httpx.get(f"{address}/documents").json()["documents"]) == 6
    assert httpx.get(f"{address}/documents/tides/1/similar").json()["hits"]


def test_an_engine_that_fails_is_asked_again_and_then_is_unavailable(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = datasets.lance.LanceDataset.scanner
    fails = iter([True, True])

    def scanner(self: Any, *given: Any, **options: Any) -> Any:
        if next(fails, False):
            raise OSError("Generic S3 error: 503 Slow Down")
        return real(self, *given, **options)

    monkeypatch.setattr(datasets.lance.LanceDataset, "scanner", scanner)
    assert httpx.get(f"{address}/search?q=mystery").status_code == 200

    def down(*_given: Any, **_options: Any) -> Any:
        raise OSError("Generic S3 error: 503 Slow Down")

    monkeypatch.setattr(datasets.lance.LanceDataset, "scanner", down)
    monkeypatch.setattr(datasets, "PATIENCE", 0.2)
    answer = httpx.get(f"{address}/search?q=coast")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "Slow Down" not in answer.text


def test_versions_in_a_bucket(
    tmp_path: Path, encoder: Encoder, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    place = Place(tmp_path, Counting(encoder), url=f"s3://{s3_server.create_bucket()}/store")
    place.write("a.jsonl", [record(f"a{n}", shelf="x", year=1900 + n) for n in range(30)])
    place.run(serving="lance")
    older = live(place).current()
    assert isinstance(older, LanceVersion)
    before = ids(place, older)
    assert len(before) == 30
    place.write("a.jsonl", [record(f"a{n}", shelf="x", year=1900 + n) for n in range(2, 31)])
    place.run()
    assert {*ids(place, live(place).current())} == {f"a{n}" for n in range(2, 31)}
    assert ids(place, older) == before
