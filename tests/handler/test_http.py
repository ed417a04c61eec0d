"""What every route answers: shapes, values and headers, over a small real index."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from handler.app import create_app
from handler.encoder import Encoder
from handler.service import Service
from tests.library import BOOKS, LONG, Library

TITLES = {book["id"]: book["title"] for book in BOOKS}
MYSTERIES = {"the-lighthouse", "tides/1"}
STATE = {"index_version", "index"}
HIT = {"id", "title", "text", "url", "metadata", "score", "passage"}

# One request per route of the application, by path, with the stages that its answer is timed by.
ROUTES: dict[str, tuple[str, str, Any, set[str]]] = {
    "POST /search": ("POST", "/search", {"query": "tide"}, {"encode", "search"}),
    "GET /search": ("GET", "/search?q=tide", None, {"encode", "search"}),
    "POST /search/batch": (
        "POST",
        "/search/batch",
        {"queries": [{"query": "tide"}]},
        {"encode", "search"},
    ),
    "GET /documents/{document_id:path}": ("GET", "/documents/bare", None, set()),
    "GET /documents/{document_id:path}/similar": (
        "GET",
        "/documents/bare/similar",
        None,
        {"search"},
    ),
    "GET /documents": ("GET", "/documents?id=bare", None, set()),
    "GET /similar": ("GET", "/similar?id=bare", None, {"search"}),
    "GET /random": ("GET", "/random", None, set()),
    "GET /suggest": ("GET", "/suggest?q=ti", None, set()),
    "GET /ready": ("GET", "/ready", None, set()),
    "GET /schema": ("GET", "/schema", None, set()),
    "GET /health": ("GET", "/health", None, set()),
    "GET /indexes": ("GET", "/indexes", None, set()),
    "POST /v1/embeddings": ("POST", "/v1/embeddings", {"input": "tide", "model": "any"}, set()),
    "POST /rerank": ("POST", "/rerank", {"query": "tide", "texts": ["sea", "hill"]}, set()),
    "POST /v2/rerank": ("POST", "/v2/rerank", {"query": "tide", "documents": ["sea"]}, set()),
    "POST /similar": ("POST", "/similar", {"like": ["tides/1"]}, {"search"}),
    "GET /v1/models": ("GET", "/v1/models", None, set()),
    "GET /v1/models/{model:path}": ("GET", "/v1/models/model", None, set()),
}
OF_AN_INDEX = {"/search", "/search/batch", "/random", "/suggest", "/ready", "/schema"} | {
    "/documents/{document_id:path}",
    "/documents/{document_id:path}/similar",
    "/documents",
    "/similar",
}


@pytest.fixture(scope="module")
def client(library: Library, reranking_model_dir: Path) -> Iterator[TestClient]:
    settings = library.settings(max_text_chars=300, model=str(reranking_model_dir))
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service), raise_server_exceptions=False) as client:
        yield client


def search(client: TestClient, **body: Any) -> Any:
    answer = client.post("/search", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(body: Any) -> list[str]:
    return [hit["id"] for hit in body["hits"]]


def test_the_table_above_has_every_route(client: TestClient) -> None:
    routes = [each for each in client.app.routes if isinstance(each, APIRoute)]  # type: ignore[attr-defined]
    present = {
        f"{each.methods.copy().pop()} {each.path}"
        for each in routes
        if each.methods and each.include_in_schema
    }
    named = {
        name.replace(" ", " /indexes/{name}") for name in ROUTES if name.split()[1] in OF_AN_INDEX
    }
    assert present == set(ROUTES) | named


@pytest.mark.parametrize("name", ROUTES)
def test_headers(client: TestClient, library: Library, name: str) -> None:
    method, path, body, stages = ROUTES[name]
    first, second = (client.request(method, path, json=body) for _ in range(2))
    assert (first.status_code, first.headers["content-type"]) == (200, "application/json")
    assert re.fullmatch(r"[0-9a-f]{32}", first.headers["x-request-id"])
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    timing = milliseconds(first.headers["server-timing"])
    assert timing.keys() == stages | {"total"}
    assert sum(timing[stage] for stage in stages) <= timing["total"] + 0.02
    version = library.versions["default"] if name.split()[1] in OF_AN_INDEX else None
    assert first.headers.get("x-index-version") == version
    body = first.json()
    assert (body.get("index_version") if isinstance(body, dict) else None) == version


def milliseconds(header: str) -> dict[str, float]:
    """Read a Server-Timing header of stages with two decimals each."""
    assert re.fullmatch(r"\w+;dur=\d+\.\d\d(, \w+;dur=\d+\.\d\d)*", header)
    return {name: float(value) for name, value in re.findall(r"(\w+);dur=([\d.]+)", header)}


@pytest.mark.parametrize(
    "path", [name.split()[1] for name in ROUTES if name.split()[1] in OF_AN_INDEX]
)
def test_a_named_index_answers_for_itself(client: TestClient, library: Library, path: str) -> None:
    method, plain, body, _ = next(
        value for name, value in ROUTES.items() if name.split()[1] == path
    )
    answer = client.request(
        method, f"/indexes/films{plain}".replace("bare", "tides%2F1"), json=body
    )
    assert answer.status_code == 200
    assert (
        answer.headers["x-index-version"]
        == answer.json()["index_version"]
        == library.versions["films"]
    )


def test_search_by_words(client: TestClient) -> None:
    body = search(client, query="  botanist teaching trees ", mode="keyword", k=3)
    assert body.keys() == {"query", "mode", "hits"} | STATE
    assert (body["query"], body["mode"], body["index"]) == (
        "botanist teaching trees",
        "keyword",
        "default",
    )
    [hit] = body["hits"]
    book = next(book for book in BOOKS if book["id"] == "/rooted")
    assert hit.keys() == HIT
    assert {name: hit[name] for name in ("id", "title", "text")} == {
        name: book[name] for name in ("id", "title", "text")
    }
    assert hit["metadata"] == {
        name: book[name] for name in ("year", "genres", "rating", "published")
    }
    assert hit["passage"]["text"] == book["text"][hit["passage"]["start"] : hit["passage"]["end"]]


def test_search_by_meaning_scores_cosines(client: TestClient, library: Library) -> None:
    query = "a boat on the coast"
    encoder = Encoder.open(library.model)
    hits = search(client, query=query, mode="semantic", k=100)["hits"]
    passages = encoder.encode(
        [f"{hit['title']} {hit['passage']['text']}".strip() for hit in hits], "document"
    )
    cosines = passages @ encoder.encode([query], "query")[0]
    scores = [hit["score"] for hit in hits]
    assert sorted(ids({"hits": hits})) == sorted(TITLES)
    assert scores == sorted(scores, reverse=True)
    assert scores == pytest.approx(cosines.tolist(), abs=0.005)
    assert max(scores) - min(scores) > 0.02


def test_the_best_passage_of_a_long_text_is_given_in_full(client: TestClient) -> None:
    [hit] = search(client, query="nobody on the shore", mode="keyword", k=1)["hits"]
    start, end = hit["passage"]["start"], hit["passage"]["end"]
    assert 0 <= start < end < len(LONG.strip())
    assert hit["passage"]["text"] == LONG[start:end]
    assert hit["text"] == LONG[:300]
    assert client.get("/documents/the-lighthouse").json()["text"] == LONG.strip()


def test_what_is_asked_for_is_added(client: TestClient) -> None:
    wishes = {
        "explain": True,
        "highlight": True,
        "facets": ["genres"],
        "filter": {"in_print": True},
    }
    [hit] = search(client, query="the family street", mode="keyword", **wishes)["hits"]
    assert hit.keys() == HIT | {"highlight", "explanation"}
    assert "<mark>family</mark>" in hit["highlight"]
    assert "</mark> &lt;in" in hit["highlight"]
    assert {"cosine", "bm25"} <= hit["explanation"].keys()
    body = search(client, query="the family street", **wishes)
    assert body.keys() == {"query", "mode", "hits", "facets", "spreads"} | STATE
    counts = {entry["value"]: entry["documents"] for entry in body["facets"]["genres"]}
    assert counts == {
        "science fiction": 1,
        "classic": 1,
        "mystery": 1,
        "saga": 1,
        "family": 1,
        "50% off": 1,
    }


def test_pages_neither_repeat_nor_skip(client: TestClient) -> None:
    whole = search(client, query="a small town", k=100)
    pages = [search(client, query="a small town", k=2, offset=offset) for offset in range(0, 8, 2)]
    assert sorted(ids(whole)) == sorted(TITLES)
    assert [hit for page in pages for hit in page["hits"]] == whole["hits"]
    assert search(client, query="a small town", offset=1000)["hits"] == []


def test_sorted_by_a_field(client: TestClient) -> None:
    years = [
        hit["metadata"].get("year")
        for hit in search(client, query="a town", sort="-year", k=100)["hits"]
    ]
    assert years == [2020, 2015, 1991, 1990, 1969, None]


def test_get_answers_as_post_does(client: TestClient) -> None:
    fields: dict[str, Any] = {
        "k": 2,
        "offset": 1,
        "mode": "hybrid",
        "explain": True,
        "highlight": True,
        "sort": "year",
    }
    by_get = client.get("/search", params={"q": "tide", "facets": "genres, year", **fields}).json()
    assert by_get == search(client, query="tide", facets=["genres", "year"], **fields)
    assert search(client, q="tide") == search(client, query="tide")


def test_a_batch_answers_as_its_parts_do(client: TestClient) -> None:
    queries: list[dict[str, Any]] = [
        {"query": "tide", "k": 1},
        {"query": "botanist", "mode": "keyword"},
        {"query": "tide", "k": 1},
    ]
    body = client.post("/search/batch", json={"queries": queries}).json()
    assert body.keys() == {"index_version", "results"}
    assert body["results"] == [search(client, **query) for query in queries]


def test_similar_leaves_the_document_out(client: TestClient) -> None:
    body = client.get("/documents/tides/1/similar", params={"k": 100}).json()
    assert body["id"] == "tides/1"
    assert sorted(ids(body)) == sorted(TITLES.keys() - {"tides/1"})
    assert all(hit.keys() == HIT for hit in body["hits"])
    assert len(client.get("/documents/tides/1/similar", params={"k": 2}).json()["hits"]) == 2


def test_random_draws_documents_worth_showing(client: TestClient) -> None:
    drawn = {client.get("/random").json()["id"] for _ in range(60)}
    worth = {book["id"] for book in BOOKS if book["title"] and len(book["text"]) >= 80}
    assert drawn <= worth
    assert len(drawn) > 1


def suggested(client: TestClient, typed: str) -> list[tuple[str, str]]:
    answer = client.get("/suggest", params={"q": typed}).json()
    return [(each["text"], each["kind"]) for each in answer["suggestions"]]


def test_suggestions(client: TestClient) -> None:
    body = client.get("/suggest", params={"q": " The Left", "k": 1}).json()
    assert body["suggestions"] == [{"text": "The Left Hand of Darkness", "kind": "title"}]
    assert suggested(client, "mys") == [("mystery", "genres")]
    assert suggested(client, "a quiet mys") == [("a quiet mystery", "genres")]
    assert suggested(client, "a quiet my") == []  # two letters in a sentence could be anything
    assert suggested(client, "zebra xyz") == []
    assert body["query"] == "The Left"


def test_state(client: TestClient, library: Library) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/indexes").json() == {"indexes": ["default", "films"]}
    ready = client.get("/ready").json()
    encoder = Encoder.open(library.model)
    assert ready["status"] == "ready"
    assert (ready["index"], ready["documents"]) == ("default", len(BOOKS))
    assert (ready["model"], ready["fingerprint"]) == (
        encoder.manifest.model,
        encoder.manifest.fingerprint,
    )
    assert ready["passages"] > ready["documents"]
    schema = client.get("/schema").json()["fields"]
    assert schema["genres"] == {"type": "string", "list": True, "documents": 5}
    assert schema["rating"] == {"type": "float", "list": False, "documents": 4}
    assert {name: field["type"] for name, field in schema.items()} == {
        "year": "integer", "genres": "string", "rating": "float", "in_print": "boolean",
        "published": "date", "q": "string", "k": "integer",
    }  # fmt: skip


def test_embeddings(client: TestClient, library: Library) -> None:
    texts = ["the licence", "ünï 📚"]
    encoder = Encoder.open(library.model)
    expected = encoder.encode(texts, "document")
    plain = client.post("/v1/embeddings", json={"input": texts, "model": "any"}).json()
    assert (plain["object"], plain["model"]) == ("list", encoder.manifest.model)
    assert [(item["object"], item["index"]) for item in plain["data"]] == [
        ("embedding", 0),
        ("embedding", 1),
    ]
    assert (
        np.array([item["embedding"] for item in plain["data"]], np.float32).tolist()
        == expected.tolist()
    )
    packed = client.post(
        "/v1/embeddings", json={"input": texts, "encoding_format": "base64"}
    ).json()
    decoded = [np.frombuffer(base64.b64decode(item["embedding"]), "<f4") for item in packed["data"]]
    assert np.array(decoded).tolist() == expected.tolist()
    tokens = sum(len(encoder.tokenizer.encode(text).ids) for text in texts)
    assert plain["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    alone = client.post(
        "/v1/embeddings", json={"input": texts[0], "dimensions": 32, "user": "me"}
    ).json()
    assert alone["data"] == plain["data"][:1]


def test_every_reference_of_the_description_leads_somewhere(client: TestClient) -> None:
    text = client.get("/openapi.json").text
    schemas = json.loads(text)["components"]["schemas"]
    targets = set(re.findall(r'"\$ref":"#/([^"]+)"', text))
    assert len(targets) > 10
    assert {each for each in targets if each.startswith("components/schemas/")} <= {
        f"components/schemas/{name}" for name in schemas
    }
    assert {each.rsplit("/", 1)[0] for each in targets} == {
        "components/schemas", "components/headers",
    }  # fmt: skip


def test_the_description_of_the_interface(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    assert {"get", "post"} == described["/search"].keys()
    assert "/indexes/{name}/documents/{document_id}/similar" in described
    assert "text/html" in client.get("/docs").headers["content-type"]


def test_names_that_callers_make_up_are_not_kept(library: Library) -> None:
    settings = library.settings()
    service = Service.open(settings)
    client = TestClient(create_app(settings, lambda: service))
    for number in range(20):
        assert client.get(f"/indexes/made-up-{number}/ready").status_code == 404
    assert client.get("/indexes/films/ready").status_code == 200
    assert service.indexes.names == {"films"}


@pytest.mark.parametrize(
    "path", ["/", "/health", "/ready", "/search?q=tide", "/documents/bare", "/documents/none"]
)
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content, head.headers["content-type"]) == (
        get.status_code, b"", get.headers["content-type"],
    )  # fmt: skip


def test_head_where_only_post_is_possible(client: TestClient) -> None:
    assert client.head("/search/batch").status_code == 405


def test_fewer_hits_than_usual_may_be_the_most_there_are(library: Library) -> None:
    settings = library.settings(max_k=2)
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service)) as client:
        assert len(search(client, query="mystery")["hits"]) == 2
        for path in ("/search?q=mystery", "/documents/bare/similar", "/suggest?q=ti"):
            assert client.get(path).status_code == 200, path
