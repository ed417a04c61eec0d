"""The application behind a real server: OpenAI's client, ids in URLs, bodies in chunks."""

import base64
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import quote

import numpy as np
import pytest

from handler.app import create_app
from handler.encoder import Encoder
from handler.service import Service
from tests.library import BOOKS, Library
from tests.serving import serving

openai = pytest.importorskip("openai", reason="openai is not installed; run: make install")


@pytest.fixture(scope="module")
def port(library: Library) -> Iterator[int]:
    settings = library.settings()
    service = Service.open(settings)
    with serving(create_app(settings, lambda: service)) as port:
        yield port


def ask(
    port: int, method: str, path: str, body: bytes | Iterator[bytes] | None = None
) -> tuple[int, dict[str, object]]:
    """Send a request whose URL no client alters; return status and body of the answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"content-type": "application/json"}
        connection.request(
            method, path, body, headers, encode_chunked=not isinstance(body, bytes | None)
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("book", BOOKS, ids=[str(number) for number in range(len(BOOKS))])
@pytest.mark.parametrize("safe", ["", "/"])
def test_any_id_is_found_by_its_url(port: int, book: dict[str, object], safe: str) -> None:
    path = quote(str(book["id"]), safe=safe)
    status, body = ask(port, "GET", f"/documents/{path}")
    assert (status, body["id"], body["title"]) == (200, book["id"], book["title"])
    status, body = ask(port, "GET", f"/documents/{path}/similar?k=100")
    assert (status, body["id"]) == (200, book["id"])
    assert len(body["hits"]) == len(BOOKS) - 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path",
    ["/documents/%FF%FE", "/documents/%00", "/documents/..%2F..%2Fetc%2Fpasswd", "/%2e%2e/x"],
)
def test_paths_that_lead_nowhere(port: int, path: str) -> None:
    status, body = ask(port, "GET", path)
    assert (status, body["title"]) == (404, "Not Found")


def test_a_query_in_any_script_survives_the_url(port: int) -> None:
    text = "Straße 東京 📚 50% & a+b=c"
    status, body = ask(port, "GET", f"/search?q={quote(text)}")
    assert (status, body["query"]) == (200, text)


def test_a_body_in_chunks(port: int) -> None:
    parts = [b'{"query": "ti', b'de", "k"', b": 1}"]
    status, body = ask(port, "POST", "/search", iter(parts))
    assert (status, body["query"], len(body["hits"])) == (200, "tide", 1)  # type: ignore[arg-type]


def test_a_body_in_chunks_that_is_too_large(port: int) -> None:
    status, body = ask(port, "POST", "/search", (b" " * 10_000 for _ in range(101)))
    assert status == 413
    assert "QUERYTOWER_MAX_BODY_BYTES" in str(body["detail"])


def test_the_openai_client(port: int, library: Library) -> None:
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0)
    texts = ["the licence", "a boat on the coast"]
    expected = Encoder.open(library.model).encode(texts, "document")
    for encoding in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
        answer = client.embeddings.create(
            model="any", input=texts, dimensions=32, user="me", **encoding
        )
        vectors = [np.frombuffer(packed(item.embedding), "<f4") for item in answer.data]
        assert np.array(vectors).tolist() == expected.tolist()
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 0
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="any", input=[[1, 2**31]])
    assert "not of this model's tokenizer" in caught.value.body["detail"]
    assert [each.id for each in client.models.list()] == [answer.model]


def packed(embedding: list[float] | str) -> bytes:
    """Return a vector's bytes, whether the client has decoded it or not."""
    return (
        base64.b64decode(embedding)
        if isinstance(embedding, str)
        else np.array(embedding, "<f4").tobytes()
    )
