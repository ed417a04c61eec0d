"""The order of documents: exact or near enough, and the same on every page."""

import random
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import handler.index.index_version
import handler.index.vectors
import handler.search.ranking
from handler.corpus.document import Document, Value
from handler.corpus.passages import Split, passage_text, split_document
from handler.encoder import Encoder, Vectors
from handler.index.index_version import IndexVersion
from handler.index.vectors import Precision, quantize
from handler.index.word_query import word_query
from handler.index.writer import Options
from handler.search.lookup import compile_filter
from handler.search.ranking import Ranking, rank
from handler.search.request import Mode
from tests.export.tiny import LICENSE
from tests.handler.indexes import Planned, build, clustered, document

MODES: tuple[Mode, ...] = get_args(Mode)
DIMENSION = 64
COUNT = 5000
SHARES = {"half": 2, "tenth": 10, "hundredth": 100, "thousandth": 1000}
RARE = "apache"
WORDS = [word for word in LICENSE.read_text("utf-8").lower().split() if word.isalpha()]


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return clustered(COUNT, DIMENSION, seed=1)


@pytest.fixture(scope="module")
def queries() -> Vectors:
    return clustered(20, DIMENSION, seed=2)


@pytest.fixture(scope="module", params=["i8", "f16", "compact-i8", "compact-f16"])
def large(
    request: pytest.FixtureRequest,
    encoder: Encoder,
    vectors: Vectors,
    tmp_path_factory: pytest.TempPathFactory,
) -> IndexVersion:
    """Return an index of many documents in random order, searched exactly or by compact codes."""
    rng = random.Random(3)
    order = rng.sample(range(COUNT), COUNT)
    facts: list[dict[str, Value]] = [
        {name: n % share == 0 for name, share in SHARES.items()} for n in order
    ]
    documents = [
        Document(id=str(n), title="", text=f"text {n}", url="", metadata=facts[n])
        for n in range(COUNT)
    ]
    plan = {f"text {n}": vectors[n] for n in range(COUNT)}
    precision: Precision = "i8" if request.param.endswith("i8") else "f16"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            handler.index.vectors,
            "EXACT_UP_TO",
            0 if request.param.startswith("compact") else COUNT,
        )
        index = build(
            tmp_path_factory.mktemp("large") / "v",
            documents,
            Planned(encoder, plan),
            Options(Split(0), precision),
        )
    assert index.vectors.approximate == request.param.startswith("compact")
    return index


def cosines(index: IndexVersion, vectors: Vectors, query: Vectors) -> Vectors:
    """Return the cosine of each vector by NumPy, in the precision of the index."""
    if index.manifest.precision == "f16":
        return np.asarray(vectors @ query)
    codes, scales = quantize(np.vstack([vectors, query]), "i8")
    back = codes.astype(np.float32) * scales[:, None]
    return np.asarray(back[:-1] @ back[-1])


def recall(found: np.ndarray, best: np.ndarray) -> float:
    return len(set(found.tolist()) & set(best.tolist())) / len(best)


@pytest.mark.parametrize("name", ["", *SHARES])
@pytest.mark.parametrize("scan", [10_000, 20])
def test_filtered_search_finds_the_nearest_that_pass(
    large: IndexVersion,
    vectors: Vectors,
    queries: Vectors,
    name: str,
    scan: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handler.index.index_version, "FILTER_SCAN", scan)
    passing = compile_filter(large, {name: True} if name else None)
    allowed = np.array([large.document(row).metadata.get(name, True) for row in range(COUNT)])
    assert allowed.sum() == COUNT // SHARES.get(name, 1)
    shares = []
    for query in queries:
        exact = np.where(allowed, cosines(large, vectors, query), -2)
        found = large.nearest(query, 10, passing)
        k = min(10, allowed.sum())
        assert len(found.documents) == k == len(set(found.documents.tolist()))
        assert allowed[found.documents].all()
        assert (np.diff(found.cosines) <= 0).all()
        np.testing.assert_allclose(found.cosines, exact[found.documents], atol=2e-3)
        shares.append(recall(found.documents, np.argsort(-exact)[:k]))
    assert np.mean(shares) >= 0.98


def test_a_filter_that_nothing_passes(large: IndexVersion, queries: Vectors) -> None:
    passing = compile_filter(large, {"$and": [{"half": True}, {"half": False}]})
    assert len(large.nearest(queries[0], 10, passing).documents) == 0
    words = word_query(large.text, "text 5").query
    for mode in MODES:
        found = rank(
            large, mode, vector=queries[0], keyword_query=words, filter_query=passing, depth=10
        )
        assert len(found.documents) == 0


def small_documents(count: int) -> list[Document]:
    rng = random.Random(4)
    texts = [" ".join(rng.choices(WORDS[:400], k=rng.randint(5, 90))) for _ in range(count)]
    return [
        document(n, text, " ".join(rng.choices(WORDS[:50], k=2)), even=n % 2 == 0)
        for n, text in enumerate(texts)
    ]


@pytest.fixture(scope="module", params=["exact", "compact"])
def small(
    request: pytest.FixtureRequest, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory
) -> IndexVersion:
    """Return an index of documents with several passages each."""
    with pytest.MonkeyPatch.context() as patch:
        exact = request.param == "exact"
        patch.setattr(handler.index.vectors, "EXACT_UP_TO", 10**9 if exact else 0)
        index = build(
            tmp_path_factory.mktemp("small") / "v",
            small_documents(300),
            encoder,
            Options(Split(24, 6), "f16"),
        )
    assert len(index.passages) > 2 * len(index.documents)
    return index


def test_a_documents_cosine_is_that_of_its_best_passage(
    small: IndexVersion, encoder: Encoder
) -> None:
    query = encoder.encode(["a licence to distribute the work"], "query")[0]
    best = []
    for each in small_documents(300):
        spans = split_document(each, encoder.tokenizer, Split(24, 6), 48)
        own = (
            encoder.encode(
                [passage_text(each.title, each.text[start:end]) for start, end in spans], "document"
            )
            @ query
        )
        best.append((own.max(), spans[int(own.argmax())]))
    found = small.nearest(query, 30)
    expected = np.array([cosine for cosine, _ in best])
    assert recall(found.documents, np.argsort(-expected)[:30]) >= 0.95
    np.testing.assert_allclose(found.cosines, expected[found.documents], atol=2e-3)
    spans_found = [small.span(passage) for passage in found.passages]
    assert (
        sum(best[row][1] == span for row, span in zip(found.documents, spans_found, strict=True))
        >= 28
    )
    everything = small.nearest(query, 1000)
    assert sorted(everything.documents.tolist()) == list(range(300))


def ranked(
    index: IndexVersion,
    encoder: Encoder,
    mode: Mode,
    text: str,
    depth: int,
    condition: dict[str, bool] | None = None,
) -> Ranking:
    vector = None if mode == "keyword" else encoder.encode([text], "query")[0]
    words = None if mode == "semantic" else word_query(index.text, text).query
    return rank(
        index,
        mode,
        vector=vector,
        keyword_query=words,
        filter_query=compile_filter(index, condition),
        depth=depth,
    )


@pytest.mark.parametrize("condition", [None, {"even": True}])
@pytest.mark.parametrize("mode", MODES)
def test_a_deeper_ranking_begins_like_a_shallower_one(
    small: IndexVersion,
    encoder: Encoder,
    mode: Mode,
    condition: dict[str, bool] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handler.search.ranking, "POOLS", (20, 60))
    text = f"{WORDS[30]} {WORDS[77]} {WORDS[5]}"
    deepest = ranked(small, encoder, mode, text, 1000, condition).documents.tolist()
    assert len(deepest) == len(set(deepest))
    assert len(deepest) > 40
    for depth in (1, 10, 19, 20, 21, 35, 59, 60, 61, 100):
        shallower = ranked(small, encoder, mode, text, depth, condition).documents.tolist()
        assert len(shallower) >= min(depth, len(deepest))
        assert shallower[:depth] == deepest[:depth]


@pytest.mark.parametrize("mode", ["semantic", "hybrid"])
def test_pools_that_disagree_repeat_nothing(
    encoder: Encoder,
    vectors: Vectors,
    queries: Vectors,
    mode: Mode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"EXACT_UP_TO": 0, "CANDIDATES": 1, "CANDIDATES_EACH": 1}.items():
        monkeypatch.setattr(handler.index.vectors, name, value)
    plan = {f"text {n}": vectors[n] for n in range(COUNT)}
    documents = [document(n, text) for n, text in enumerate(plan)]
    index = build(tmp_path / "v", documents, Planned(encoder, plan), Options(Split(0), "f16"))
    words = word_query(index.text, "5 55 555").query
    one, other = index.nearest(queries[0], 100), index.nearest(queries[0], 2000)
    assert one.documents.tolist() != other.documents[:100].tolist()
    for query in queries:
        first, more = (
            rank(index, mode, vector=query, keyword_query=words, depth=depth)
            for depth in (100, 300)
        )
        page, following = first.documents.tolist(), more.documents.tolist()
        assert following[: len(page)] == page
        assert len(following) == len(set(following))


def test_within_the_second_pool_every_document_is_reached(
    small: IndexVersion, encoder: Encoder
) -> None:
    for mode in ("semantic", "hybrid"):
        documents = ranked(
            small, encoder, mode, "the work of the contributor", 300
        ).documents.tolist()
        assert sorted(documents) == list(range(300))


def test_hybrid_scores_are_the_mean_of_standardised_parts(
    small: IndexVersion, encoder: Encoder
) -> None:
    ranking = ranked(small, encoder, "hybrid", RARE, 10)
    for part, standard in ((ranking.cosines, ranking.semantic), (ranking.bm25, ranking.keyword)):
        np.testing.assert_allclose(standard, (part - part.mean()) / part.std(), atol=1e-4)
    np.testing.assert_allclose(ranking.scores, (ranking.semantic + ranking.keyword) / 2)
    assert (np.diff(ranking.scores) <= 0).all()
    query = word_query(small.text, RARE).query
    assert query is not None
    rows, scores = small.text.search(query, 100)
    known = dict(zip(rows.tolist(), scores.tolist(), strict=True))
    assert 0 < len(known) < 100
    expected = [known.get(row, 0) for row in ranking.documents.tolist()]
    np.testing.assert_allclose(ranking.bm25, expected, rtol=1e-5)
    assert set(known) <= set(ranking.documents.tolist())


def test_reordered_keeps_what_is_known_of_each_document(
    small: IndexVersion, encoder: Encoder
) -> None:
    ranking = ranked(small, encoder, "hybrid", RARE, 10)
    picked = np.array([ranking.documents[7], 299, ranking.documents[0], ranking.documents[3]])
    picked[1] = np.setdiff1d(np.arange(300), ranking.documents)[0]
    result = ranking.reordered(picked)
    assert result.documents.tolist() == picked.tolist()
    assert result.scores[[0, 2, 3]].tolist() == ranking.scores[[7, 0, 3]].tolist()
    assert result.passages[[0, 2, 3]].tolist() == ranking.passages[[7, 0, 3]].tolist()
    assert np.isnan([result.scores[1], result.cosines[1], result.bm25[1]]).all()
    assert result.passages[1] == handler.search.ranking.NO_PASSAGE
