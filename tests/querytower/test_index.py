"""An index from Python: it answers as HTTP does, awaits as it answers, and shows itself."""

import asyncio
import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.encoder import Encoder
from handler.errors import DocumentNotFound, IndexUnavailable, InvalidRequest
from handler.search.request import SearchRequest
from handler.service import Service
from querytower import Index
from querytower.results import Hit, Results
from tests.function import ROOT
from tests.library import BOOKS, Library

SEARCHES: list[dict[str, Any]] = [
    {"query": "a boat on the coast"},
    {"query": "mystery", "k": 2, "offset": 1, "mode": "semantic"},
    {"query": "mystery", "filter": {"year": {"$gte": 1990}}, "facets": ["genres"], "sort": "-year"},
    {"query": "family street", "mode": "keyword", "highlight": True, "explain": True},
]


@pytest.fixture(scope="module")
def index(library: Library) -> Index:
    return Index.open(library.store, model=library.model)


@pytest.fixture(scope="module")
def client(library: Library) -> TestClient:
    settings = library.settings(max_text_chars=10_000)
    service = Service.open(settings)
    return TestClient(create_app(settings, lambda: service))


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: " ".join(search))
def test_it_answers_as_http_does(index: Index, client: TestClient, search: dict[str, Any]) -> None:
    options = dict(search)
    results = index.search(options.pop("query"), **options)
    body = client.post("/search", json=search).json()
    assert len(results) > 0
    assert [hit_of(each) for each in body["hits"]] == [round_score(hit) for hit in results]
    counted = {
        name: [{"value": each.value, "documents": each.documents} for each in counts]
        for name, counts in results.facets.items()
    }
    assert counted == body.get("facets", {})


def hit_of(body: dict[str, Any]) -> dict[str, Any]:
    absent = {
        "highlight": None,
        "explanation": None,
        "others": None,
        "distance": None,
        "vector": "",
        "section": "",
        "sections": (),
    }
    return absent | body | {"passage": body["passage"]["text"]}


def round_score(hit: Hit) -> dict[str, Any]:
    values = {field.name: getattr(hit, field.name) for field in fields(hit)}
    return values | {"score": None if hit.score is None else round(hit.score, 6)}


def test_every_option_of_a_search_is_an_argument() -> None:
    arguments = set(inspect.signature(Index.search).parameters) - {"self"}
    assert arguments == set(SearchRequest.model_fields) - {"fields"}


def test_similar_and_get(index: Index, client: TestClient) -> None:
    similar = index.similar("tides/1", k=3)
    body = client.get("/similar", params={"id": "tides/1", "k": 3}).json()
    assert [hit.id for hit in similar] == [hit["id"] for hit in body["hits"]]
    assert index.get("tides/1").metadata == {
        name: value for name, value in BOOKS[2].items() if name not in {"id", "title", "text"}
    }


def test_vectors_are_the_encoders(index: Index, library: Library) -> None:
    encoder = Encoder.open(library.model)
    texts = ["a tide", "the coast"]
    assert np.array_equal(index.encode(texts, "document"), encoder.encode(texts, "document"))
    assert np.array_equal(index.encode(texts[1]), encoder.encode(texts, "query")[1])
    assert index.encode([]).shape == (0, encoder.dimension)


def test_awaiting_gives_the_same(index: Index) -> None:
    async def everything() -> tuple[Any, ...]:
        return await asyncio.gather(
            index.asearch("mystery", k=2), index.asimilar("bare", k=2), index.aget("bare"),
            index.aencode("tide"),
        )  # fmt: skip

    found, similar, document, vector = asyncio.run(everything())
    assert found == index.search("mystery", k=2)
    assert similar == index.similar("bare", k=2)
    assert document == index.get("bare")
    assert np.array_equal(vector, index.encode("tide"))


def test_threads_share_it(index: Index) -> None:
    queries = [f"{book['title']} {number}" for number in range(20) for book in BOOKS]
    alone = [index.search(query, k=3) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda query: index.search(query, k=3), queries)) == alone


def test_another_index_of_the_store(library: Library) -> None:
    films = Index.open(str(library.store), "films", model=library.model)
    assert (len(films), films.version) == (1, library.versions["films"])
    assert repr(films) == f"<Index films: 1 documents, version {films.version}>"
    assert {name: field.kind for name, field in films.fields.items()} == {"minutes": "integer"}


def test_faults_are_named(index: Index, library: Library) -> None:
    with pytest.raises(InvalidRequest, match="k is 1000; it may be 1 to 100"):
        index.search("tide", k=1000)
    with pytest.raises(InvalidRequest, match="mode: Input should be"):
        index.search("tide", mode="fuzzy")
    with pytest.raises(InvalidRequest, match="limit: Extra inputs are not permitted"):
        index.search("tide", limit=3)
    with pytest.raises(InvalidRequest, match="colour"):
        index.search("tide", filter={"colour": "red"})
    with pytest.raises(InvalidRequest, match="k is 0"):
        index.similar("bare", k=0)
    with pytest.raises(DocumentNotFound, match="no-such"):
        index.get("no-such")
    with pytest.raises(IndexUnavailable, match="poems"):
        Index.open(library.store, "poems", model=library.model)


def test_a_notebook_shows_hits_and_runs_nothing_from_a_corpus() -> None:
    hit = Hit(
        id="1", title="<b>A</b>", text="t", url="javascript:alert(1)", score=1.5,
        metadata={"by": ["x", "<y>"]}, passage="p & q", highlight=None, explanation=None,
    )  # fmt: skip
    shown = Results(hits=[hit])._repr_html_()
    assert "<td>&lt;b&gt;A&lt;/b&gt;</td><td>p &amp; q</td><td>by: x, &lt;y&gt;</td>" in shown
    assert "javascript" not in shown
    linked = Results(hits=[replace(hit, url="https://a.example/?a=1&b=2")])._repr_html_()
    assert '<a href="https://a.example/?a=1&amp;b=2">&lt;b&gt;A&lt;/b&gt;</a>' in linked


def test_searching_imports_no_web_framework(library: Library) -> None:
    code = (
        "import sys; from querytower import Index;"
        f"print(Index.open({str(library.store)!r}, model={str(library.model)!r}).search('tide')[0].id);"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found, modules = done.stdout.splitlines()
    assert found in {book["id"] for book in BOOKS}
    assert set(modules.split()) & {"fastapi", "starlette", "mangum", "typer", "export"} == set()
