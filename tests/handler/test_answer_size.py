"""Answers fit what Lambda sends, counted by Lambda's own runtime."""

import json
from typing import Any

import pytest
from awslambdaric.lambda_runtime_marshaller import to_json as runtime_json
from hypothesis import given, settings
from hypothesis import strategies as st
from mangum.handlers.api_gateway import HTTPGateway
from starlette.testclient import TestClient

from handler.api.answer_size import fit, payload_bytes, size_of
from handler.app import create_app
from handler.errors import AnswerTooLarge
from handler.html_answer import compress
from handler.service import Service
from handler.settings import Settings
from tests.function import Function, get_event
from tests.library import Library, add_index
from tests.requests import request

LAMBDA_BYTES = 6_291_556
NOTE = 'A "quoted" note on the tide,\\ 潮 and 🌊.\n'
WIDE = [
    {
        "id": f"wide-{number}",
        "title": f"Tide {number}",
        "text": "The tide comes in. " * 20,
        "year": 1900 + number,
        "notes": (f"{number} " + NOTE * 3000)[: 96_000 - 100 * number],
    }
    for number in range(75)
]
TALL = [
    {"id": "tall", "title": "Tall", "text": NOTE * 4000, "year": 1990, "genres": ["sea", "moon"]}
]


@pytest.fixture(scope="module")
def large(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library with the indexes wide, whose documents have large fields, and tall, with a long text."""
    scratch = tmp_path_factory.mktemp("large")
    for name, books in {"default": WIDE, "tall": TALL}.items():
        add_index(scratch / "store", library.model, books, scratch, name)
    return Library(scratch / "store", library.model, {})


def client_of(library: Library, **changes: Any) -> TestClient:
    settings = library.settings(**changes)
    service = Service.open(settings)
    return TestClient(create_app(settings, lambda: service))


def sent_bytes(body: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    """Return the bytes that Lambda's runtime sends for an answer that Mangum passes on."""
    config: Any = {
        "api_gateway_base_path": "/",
        "text_mime_types": ["text/", "application/"],
        "exclude_headers": [],
    }
    gateway = HTTPGateway(get_event("/"), None, config)  # type: ignore[arg-type]
    response: Any = {"status": 200, "headers": headers, "body": body}
    return len(runtime_json(gateway(response)))


def counted(answer: Any) -> int:
    """Return the same for an answer of the test's client."""
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    return sent_bytes(answer.content, headers)


def test_what_the_function_returns_fits_lambda(large: Library, tmp_path: Any) -> None:
    batch = {"queries": [{"query": "tide", "k": 10}] * 8}
    with Function(large.environment(), tmp_path) as function:
        for event in (
            get_event("/search", "q=tide&k=100"),
            request("POST", "/search/batch", body=json.dumps(batch)),
            get_event("/documents/wide-1/similar", "k=100"),
        ):
            answer = function.invoke(event)
            assert answer["statusCode"] == 200
            assert json.loads(answer["body"])["truncated"] is True
            assert 5_500_000 < len(runtime_json(answer)) < LAMBDA_BYTES


def test_large_metadata_goes_first_and_whole(large: Library) -> None:
    body = client_of(large).get("/search?q=tide&k=100").json()
    assert body["truncated"] is True
    cut = [hit for hit in body["hits"] if "truncated" in hit]
    kept = [hit for hit in body["hits"] if "truncated" not in hit]
    assert cut
    assert kept
    assert all(hit["metadata"].keys() == {"year"} for hit in cut)
    assert all(hit["text"] == WIDE[0]["text"].strip() for hit in body["hits"])  # type: ignore[attr-defined]
    whole = {book["id"]: book["notes"] for book in WIDE}
    assert all(hit["metadata"]["notes"] == whole[hit["id"]] for hit in kept)
    largest = max(len(hit["metadata"]["notes"]) for hit in kept)
    assert all(len(str(whole[hit["id"]])) >= largest for hit in cut)


def test_a_long_text_is_cut_and_keeps_its_metadata(large: Library) -> None:
    client = client_of(large, max_answer_bytes=150_000)
    answer = client.get("/indexes/tall/documents/tall")
    body = answer.json()
    assert body["truncated"] is True
    assert str(TALL[0]["text"]).startswith(body["text"])
    assert body["metadata"] == {"year": 1990, "genres": ["sea", "moon"]}
    assert 135_000 < counted(answer) <= 150_000


def test_nothing_is_cut_that_fits(large: Library) -> None:
    body = client_of(large).get("/indexes/tall/documents/tall").json()
    assert (body["text"], "truncated" in body) == (str(TALL[0]["text"]).strip(), False)
    hits = client_of(large).get("/search?q=tide&k=20").json()["hits"]
    assert not any("truncated" in hit for hit in hits)


def test_a_batch_is_cut_by_the_same_rules(large: Library) -> None:
    only_ids = {"query": "tide", "k": 10, "fields": ["id"]}
    queries = [{"query": "tide", "k": 3}] * 4 + [only_ids]
    answer = client_of(large, max_answer_bytes=600_000).post(
        "/search/batch", json={"queries": queries}
    )
    body = answer.json()
    assert counted(answer) <= 600_000
    assert body["truncated"] is True
    marked = ["truncated" in result for result in body["results"]]
    assert marked == [
        any("truncated" in hit for hit in result["hits"]) for result in body["results"]
    ]
    assert any(marked)
    assert not marked[-1]
    assert counted(answer) > 600_000 - 150_000


def test_a_batch_far_too_large_is_not_read_to_its_end(
    large: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"queries": [{"query": "tide", "k": 20}] * 64}
    answer = client_of(large).post("/search/batch", json=body)
    assert answer.status_code == 413
    assert json.loads(capsys.readouterr().out)["hits"] < 20 * 20


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", "/search?q=tide&k=100", None),
        ("POST", "/search/batch", {"queries": [{"query": "tide", "k": 100}] * 3}),
        ("GET", "/documents/wide-1/similar?k=100", None),
        ("GET", "/openapi.json", None),
    ],
)
def test_what_cannot_be_cut_is_refused_with_advice(
    large: Library, method: str, path: str, sent: Any
) -> None:
    answer = client_of(large, max_answer_bytes=10_000).request(method, path, json=sent)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    detail = answer.json()["detail"]
    assert "QUERYTOWER_MAX_ANSWER_BYTES allows, as AWS Lambda counts it; ask for fewer" in detail
    assert "fields=id,title" in detail


def test_the_advice_helps(large: Library) -> None:
    client = client_of(large, max_answer_bytes=10_000)
    answer = client.get("/search?q=tide&k=100&fields=id,title")
    assert answer.status_code == 200
    assert "truncated" not in answer.json()


def test_the_page_shows_the_start_of_a_long_text(large: Library, monkeypatch: Any) -> None:
    monkeypatch.setattr("handler.page.renderer.TEXT_CHARS", 1000)
    html = client_of(large, index="tall").get("/?like=tall").text
    length = len(str(TALL[0]["text"]).strip())
    assert f"… and {length - 1000:,} more characters, which the API returns." in html
    assert html.count("潮") < 40


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ("id,title", {"id", "title"}),
        ("score", {"score"}),
        ("metadata", {"metadata"}),
        ("passage,highlight", {"passage", "highlight"}),
        ("id, metadata.year", {"id", "metadata"}),
    ],
)
def test_fields_choose_what_comes_back(client: TestClient, fields: str, keys: set[str]) -> None:
    query = f"/search?q=tide&highlight=true&fields={fields}"
    hits = client.get(query).json()["hits"]
    assert hits
    assert all(hit.keys() == keys for hit in hits)
    if "metadata.year" in fields:
        assert {name for hit in hits for name in hit["metadata"]} == {"year"}


@pytest.mark.parametrize("path", ["/documents/bare?", "/documents?id=bare&", "/random?"])
def test_fields_of_documents(client: TestClient, path: str) -> None:
    body = client.get(f"{path}fields=title,metadata.year").json()
    assert body.keys() == {"title", "metadata", "index_version"}


def test_fields_of_similar_documents(client: TestClient) -> None:
    for path in ("/documents/bare/similar?", "/similar?id=bare&"):
        body = client.get(f"{path}k=2&fields=id,score").json()
        assert [hit.keys() for hit in body["hits"]] == [{"id", "score"}] * 2


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/search?q=tide&fields=body", "fields has 'body'; choose from id, title, text, url"),
        ("/search?q=tide&fields=year", "fields has 'year'; call it metadata.year"),
        ("/search?q=tide&fields=metadata.nope", "or name one field of the metadata, such as"),
        ("/search?q=tide&fields=id,", "fields has ''"),
        ("/documents/bare?fields=score", "fields has 'score'; choose from id, title, text, url"),
        ("/documents/bare/similar?fields=nope", "fields has 'nope'"),
        ("/random?fields=nope", "fields has 'nope'"),
    ],
)
def test_unknown_fields_are_refused(client: TestClient, path: str, detail: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


TEXTS = st.text(st.characters(codec="utf-8"), max_size=300) | st.builds(
    lambda text, times: text * times, st.sampled_from(['"', "\\", "\n", "é", "潮", "🌊"]), st.integers(0, 300)
)  # fmt: skip


@settings(deadline=None)
@given(text=TEXTS)
def test_bodies_are_counted_as_the_runtime_does(text: str) -> None:
    headers = [(b"content-type", b"text/plain")]
    plain = sent_bytes(text.encode(), headers)
    assert plain <= payload_bytes(text.encode(), headers) <= plain + 100
    packed, coding = compress(text.encode(), 1), [*headers, (b"content-encoding", b"gzip")]
    sent = sent_bytes(packed, coding)
    assert sent <= payload_bytes(packed, coding) <= sent + 100


HITS = st.lists(
    st.fixed_dictionaries(
        {"id": st.text(max_size=5)},
        optional={
            "text": TEXTS,
            "highlight": TEXTS,
            "passage": st.fixed_dictionaries({"text": TEXTS}),
            "metadata": st.dictionaries(st.text(max_size=8), TEXTS | st.integers(), max_size=3),
        },
    ),
    max_size=4,
)


@settings(deadline=None)
@given(hits=HITS, most=st.integers(100, 5000))
def test_hits_fit_or_are_refused(hits: list[dict[str, Any]], most: int) -> None:
    before = json.dumps(hits)
    answer = {"hits": hits}
    size = size_of(answer)
    try:
        fit(answer, hits, most)
    except AnswerTooLarge:
        assert all(not hit.get("metadata") and not hit.get("text") for hit in hits)
        assert size_of(answer) + 40 * (len(hits) + 1) > most
        return
    assert size_of(answer) <= most
    assert ("truncated" in answer) == (size > most)
    if size <= most:
        assert json.dumps(hits) == before


def test_the_default_is_below_lambdas_limit() -> None:
    assert Settings().max_answer_bytes < LAMBDA_BYTES
