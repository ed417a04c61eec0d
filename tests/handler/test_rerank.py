"""The second stage: order, paging, time, and the routes that score texts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.encoder import Encoder
from handler.errors import InvalidRequest
from handler.index.index_version import IndexVersion
from handler.reranker import Reranker, Scores
from handler.search.answer import Hit
from handler.search.request import SearchRequest
from handler.search.rerank import RerankSettings, SecondStage
from handler.search.searcher import Searcher
from handler.service import Service
from handler.settings import Settings
from tests.handler.indexes import build
from tests.handler.test_search import some_documents
from tests.library import Library

QUERY = "permissions entity"


@pytest.fixture(scope="module")
def reranker(reranking_model_dir: Path) -> Reranker:
    return Reranker.open(reranking_model_dir / "reranker")


@pytest.fixture(scope="module")
def index(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    return build(tmp_path_factory.mktemp("rerank") / "v", some_documents(60), encoder)


def hits(searcher: Searcher, index: IndexVersion, **wishes: Any) -> list[Hit]:
    return searcher.search(index, SearchRequest(query=QUERY, **wishes)).hits


def ids(found: list[Hit]) -> list[str]:
    return [hit.document.id for hit in found]


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword"])
def test_the_first_candidates_are_ordered_by_the_reranker(
    mode: Any, encoder: Encoder, reranker: Reranker, index: IndexVersion
) -> None:
    searcher = Searcher(encoder, second_stage=SecondStage(reranker, RerankSettings(0, 60)))
    plain = hits(searcher, index, mode=mode, k=20)
    found = hits(searcher, index, mode=mode, k=20, rerank=8, explain=True)
    texts = [f"{hit.document.title}\n{hit.document.text}" for hit in plain[:8]]
    scores = reranker.score(QUERY, texts, 60)
    assert scores is not None
    assert len(set(scores.tolist())) == 8
    wanted = [plain[at].document.id for at in np.argsort(-scores)]
    assert ids(found) == wanted + ids(plain[8:])
    assert ids(found) != ids(plain)
    shown = [hit.explanation["rerank"] for hit in found[:8] if hit.explanation]
    np.testing.assert_allclose(shown, sorted(scores.tolist(), reverse=True), atol=1e-6)
    assert all(hit.explanation and "rerank" not in hit.explanation for hit in found[8:])


def test_pages_join_to_the_whole(encoder: Encoder, reranker: Reranker, index: IndexVersion) -> None:
    searcher = Searcher(encoder, second_stage=SecondStage(reranker, RerankSettings(10, 60)))
    whole = ids(hits(searcher, index, k=30))
    assert whole != ids(hits(searcher, index, k=30, rerank=0)), "the setting is a default"
    pages = [ids(hits(searcher, index, k=3, offset=offset)) for offset in range(0, 30, 3)]
    assert [key for page in pages for key in page] == whole


def test_when_time_is_up_the_order_stays_on_all_pages(
    encoder: Encoder, reranker: Reranker, index: IndexVersion
) -> None:
    stage = SecondStage(reranker, RerankSettings(0, -1.0))
    searcher = Searcher(encoder, second_stage=stage)
    plain = ids(hits(searcher, index, k=20))
    found = hits(searcher, index, k=20, rerank=20, explain=True)
    assert ids(found) == plain
    assert all(hit.explanation and "rerank" not in hit.explanation for hit in found)


def test_a_sort_is_not_reranked(encoder: Encoder, reranker: Reranker, index: IndexVersion) -> None:
    searcher = Searcher(encoder, second_stage=SecondStage(reranker, RerankSettings(0, 60)))
    plain = ids(hits(searcher, index, sort="year", k=20))
    assert ids(hits(searcher, index, sort="year", k=20, rerank=20)) == plain


def test_without_a_reranker_asking_for_it_is_refused(encoder: Encoder, index: IndexVersion) -> None:
    with pytest.raises(InvalidRequest, match=r"rerank is 5, but .* no reranker.*--reranker"):
        hits(Searcher(encoder), index, rerank=5)
    assert ids(hits(Searcher(encoder), index, rerank=0)) == ids(hits(Searcher(encoder), index))


def test_more_than_the_bound_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"rerank is 101; it may be 0 to 100"):
        SearchRequest(query="x", rerank=101).within(Settings())


def test_scores_depend_on_neighbours_by_padding_alone(reranker: Reranker) -> None:
    texts = ["the licence", "a " * 40, "warranty of any kind", "copyright", "the work as a whole"]
    together = reranker.score(QUERY, texts, 60)
    alone = [score(reranker, text) for text in texts]
    assert together is not None
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


def score(reranker: Reranker, text: str) -> Scores:
    scores = reranker.score(QUERY, [text], 60)
    assert scores is not None
    return scores


@pytest.fixture(scope="module")
def client(library: Library, reranking_model_dir: Path) -> TestClient:
    settings = library.settings(model=str(reranking_model_dir))
    service = Service.open(settings)
    return TestClient(create_app(settings, lambda: service), raise_server_exceptions=False)


TEXTS = ["the sea is calm", "a hill in the rain", "copyright law"]


def test_the_two_rerank_routes_agree(client: TestClient) -> None:
    cohere = client.post(
        "/v2/rerank",
        json={"model": "x", "query": "sea", "documents": [TEXTS[0], {"text": TEXTS[1]}, TEXTS[2]]}
        | {"top_n": 2, "return_documents": True},
    ).json()["results"]
    tei = client.post("/rerank", json={"query": "sea", "texts": TEXTS, "return_text": True}).json()
    assert len(cohere) == 2
    assert len(tei) == 3
    assert [each["index"] for each in cohere] == [each["index"] for each in tei[:2]]
    for one, other in zip(cohere, tei, strict=False):
        assert one["relevance_score"] == pytest.approx(other["score"], abs=1e-6)
        assert one["document"]["text"] == other["text"] == TEXTS[other["index"]]
    assert [each["score"] for each in tei] == sorted((e["score"] for e in tei), reverse=True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"query": " ", "texts": ["a"]}, "query is empty"),
        ({"query": "a", "texts": []}, "texts"),
        ({"query": "a", "texts": ["a"] * 101}, "101 texts were asked for; 100 at most"),
    ],
)
def test_requests_out_of_bounds(body: Any, said: str, client: TestClient) -> None:
    answer = client.post("/rerank", json=body)
    if body["texts"]:
        assert answer.status_code == 422
        assert said in answer.json()["detail"]
    else:
        assert answer.json() == []


def test_a_bundle_without_a_reranker_says_so(library: Library) -> None:
    settings = library.settings()
    service = Service.open(settings)
    app = create_app(settings, lambda: service)
    answer = TestClient(app).post("/rerank", json={"query": "a", "texts": ["b"]})
    assert answer.status_code == 422
    assert "has no reranker" in answer.json()["detail"]
