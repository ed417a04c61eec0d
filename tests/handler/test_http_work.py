"""The work of one request is bounded, and others are answered meanwhile."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.index.index_version import IndexVersion
from handler.search.highlight import LEAST_COST, Allowance
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from handler.service import Service
from tests.library import Library, add_index
from tests.serving import serving


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every sentence for a match: a random model's cosines are all chance."""
    monkeypatch.setattr("handler.search.hits.NOISE", "none")


BY_MEANING = "/search?q=zebra&mode=semantic&highlight=true"


@pytest.fixture(scope="module")
def tales(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Four texts of three short sentences each."""
    scratch = tmp_path_factory.mktemp("tales")
    texts = [f"One fell {name}. Two ran. Three sat." for name in ("down", "up", "far", "near")]
    books = [{"id": str(at), "text": text} for at, text in enumerate(texts)]
    add_index(scratch / "store", library.model, books, scratch)
    return Library(scratch / "store", library.model, {})


def client_of(library: Library, **changes: Any) -> TestClient:
    settings = library.settings(**changes)
    service = Service.open(settings)
    return TestClient(create_app(settings, lambda: service))


def detail(answer: Any) -> str:
    assert answer.status_code == 422, answer.text
    return str(answer.json()["detail"])


def test_characters_in_all_are_bounded(library: Library) -> None:
    client = client_of(library, max_encoded_chars=20)
    queries = [{"query": "x" * 10}] * 2
    assert client.post("/search/batch", json={"queries": queries}).status_code == 200
    expected = (
        "21 characters in all; 20 at most (QUERYTOWER_MAX_ENCODED_CHARS); send them in several"
    )
    more = [*queries, {"query": "y"}]
    assert f"the queries have {expected}" in detail(
        client.post("/search/batch", json={"queries": more})
    )


def test_facets_in_all_are_bounded(client: TestClient) -> None:
    query = {"query": "tide", "facets": ["year"] * 13}
    assert client.post("/search/batch", json={"queries": [query] * 4}).status_code == 200
    answer = client.post("/search/batch", json={"queries": [query] * 5})
    assert "65 facets were asked for; 64 at most" in detail(answer)


def marked(answer: Any) -> list[bool]:
    return ["<mark>" in hit["highlight"] for hit in answer.json()["hits"]]


def test_highlights_by_meaning_end_with_the_allowance(tales: Library, sure: None) -> None:
    for allowed, marks in ((3 * LEAST_COST * 4, 4), (3 * LEAST_COST * 2 + 1, 2), (LEAST_COST, 0)):
        answer = client_of(tales, max_encoded_chars=allowed).get(BY_MEANING)
        assert marked(answer) == [True] * marks + [False] * (4 - marks)
        assert all("ran" in hit["highlight"] for hit in answer.json()["hits"])


def test_the_searches_of_a_batch_share_the_allowance(tales: Library, sure: None) -> None:
    query = {"query": "zebra", "mode": "semantic", "highlight": True}
    client = client_of(tales, max_encoded_chars=3 * LEAST_COST * 6)
    body = client.post("/search/batch", json={"queries": [query] * 3}).json()
    counts = [sum("<mark>" in hit["highlight"] for hit in each["hits"]) for each in body["results"]]
    assert counts == [4, 2, 0]


def test_words_are_marked_whatever_is_left(library: Library) -> None:
    client = client_of(library, max_encoded_chars=10)
    answer = client.get("/search?q=botanist&mode=keyword&highlight=true")
    assert marked(answer) == [True]


def test_the_allowance_counts_short_sentences_as_longer_ones() -> None:
    allowance = Allowance(3 * LEAST_COST)
    assert allowance.take([(0, 2), (3, 5)])
    assert not allowance.take([(0, LEAST_COST + 1)])
    assert allowance.take([(0, 1)])
    assert not allowance.take([(0, 1)])


def send(port: int, method: str, path: str, body: Any = None) -> int:
    """Send a request and return the status of its answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"content-type": "application/json"}
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def test_a_server_answers_others_while_long_requests_run(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, go_on = threading.Semaphore(0), threading.Event()
    search: Any = Searcher.search

    def slow(self: Searcher, index: IndexVersion, request: SearchRequest, *more: Any) -> Any:
        if request.query == "slow":
            running.release()
            assert go_on.wait(30)
        return search(self, index, request, *more)

    monkeypatch.setattr(Searcher, "search", slow)
    batch = {"queries": [{"query": "slow"}]}
    settings = library.settings()
    service = Service.open(settings)
    app = create_app(settings, lambda: service, threads=True)
    with serving(app) as port, ThreadPoolExecutor(40) as pool:
        try:
            waiting = [pool.submit(send, port, "POST", "/search/batch", batch) for _ in range(30)]
            assert running.acquire(timeout=30)
            quick = ("/health", "/search?q=tide", "/suggest?q=ti", "/documents/bare", "/", "/docs")
            assert [send(port, "GET", path) for path in quick] == [200] * len(quick)
            assert not any(each.done() for each in waiting)
        finally:
            go_on.set()
        assert [each.result() for each in waiting] == [200] * 30


def test_lambda_needs_no_threads(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    used = set()
    search: Any = Searcher.search

    def noted(self: Searcher, *arguments: Any) -> Any:
        used.add(threading.get_ident())
        return search(self, *arguments)

    monkeypatch.setattr(Searcher, "search", noted)
    client = client_of(library)
    loops = set()

    async def where() -> None:
        loops.add(threading.get_ident())

    client.app.add_api_route("/where", where)  # type: ignore[attr-defined]
    with client:
        assert client.get("/where").status_code == 200
        assert client.get("/search?q=tide").status_code == 200
    assert used == loops
