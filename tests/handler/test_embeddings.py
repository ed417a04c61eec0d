"""POST /v1/embeddings: every form of input, cut and counted as the model reads it."""

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.encoder import Encoder
from handler.service import Service
from tests.library import Library

TEXTS = ["a boat comes home", "the coast, the fog", "don't count: 1990-07-14"]


@pytest.fixture(scope="module")
def encoder(library: Library) -> Encoder:
    return Encoder.open(library.model)


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[TestClient]:
    settings = library.settings(max_answer_bytes=1_000_000)
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service), raise_server_exceptions=False) as client:
        yield client


def vectors(client: TestClient, given: Any, **options: Any) -> Any:
    answer = client.post("/v1/embeddings", json={"input": given, **options})
    assert answer.status_code == 200, answer.text
    return np.array([each["embedding"] for each in answer.json()["data"]], np.float32)


@pytest.mark.parametrize("framed", [True, False], ids=["with special tokens", "without"])
def test_token_ids_mean_their_text(client: TestClient, encoder: Encoder, framed: bool) -> None:
    known = [
        text for text in TEXTS if encoder.tokenizer.token_to_id("[UNK]") not in ids(encoder, text)
    ]
    assert len(known) >= 2
    tokens = [encoder.tokenizer.encode(text, add_special_tokens=framed).ids for text in known]
    expected = encoder.encode(known, "document")
    assert np.array_equal(vectors(client, tokens), expected)
    assert np.array_equal(vectors(client, tokens[0]), expected[:1])


def ids(encoder: Encoder, text: str) -> list[int]:
    return list(encoder.tokenizer.encode(text).ids)


@pytest.mark.parametrize("wrong", [[2**31], [[0, 1, 2, 3]], [[5, 10**6]]])
def test_foreign_token_ids_are_refused(client: TestClient, wrong: Any) -> None:
    answer = client.post("/v1/embeddings", json={"input": wrong})
    assert answer.status_code == 400
    assert (
        "input[0] has token ids that are not of this model's tokenizer" in answer.json()["detail"]
    )


def test_a_long_text_is_cut_and_counted_as_the_model_does(
    client: TestClient, encoder: Encoder
) -> None:
    long = "the light on the rock turns and turns " * 500
    answer = client.post("/v1/embeddings", json={"input": [long, "tide"]}).json()
    assert np.array_equal(
        np.array([each["embedding"] for each in answer["data"]], np.float32),
        encoder.encode([long, "tide"], "document"),
    )
    expected = encoder.manifest.max_tokens + len(ids(encoder, "tide"))
    assert answer["usage"] == {"prompt_tokens": expected, "total_tokens": expected}


def test_any_number_of_texts(client: TestClient, encoder: Encoder) -> None:
    texts = [f"text {number}" for number in range(500)]
    assert np.array_equal(vectors(client, texts), encoder.encode(texts, "document"))


def test_fewer_dimensions(client: TestClient, encoder: Encoder) -> None:
    whole = encoder.encode(TEXTS, "document")[:, :8]
    expected = whole / np.linalg.norm(whole, axis=1, keepdims=True)
    assert vectors(client, TEXTS, dimensions=8) == pytest.approx(expected, abs=1e-6)
    packed = client.post(
        "/v1/embeddings", json={"input": TEXTS, "dimensions": 8, "encoding_format": "base64"}
    ).json()
    decoded = [np.frombuffer(base64.b64decode(each["embedding"]), "<f4") for each in packed["data"]]
    assert np.array(decoded) == pytest.approx(expected, abs=1e-6)


def test_more_vectors_than_an_answer_can_have(client: TestClient) -> None:
    texts = ["tide"] * 3000
    answer = client.post("/v1/embeddings", json={"input": texts})
    assert answer.status_code == 413
    assert "send fewer texts at once, or set encoding_format to base64" in answer.json()["detail"]
    assert (
        len(
            client.post(
                "/v1/embeddings", json={"input": texts, "encoding_format": "base64"}
            ).json()["data"]
        )
        == 3000
    )


def test_the_model_is_found_by_its_id(client: TestClient, encoder: Encoder) -> None:
    (listed,) = client.get("/v1/models").json()["data"]
    assert listed["id"] == encoder.manifest.model
    for path in (listed["id"], quote(listed["id"], safe="")):
        assert client.get(f"/v1/models/{path}").json() == listed


@pytest.mark.parametrize("model", ["gpt-5", "owner/other", "owner%2Fother"])
def test_another_model_is_not_found(client: TestClient, encoder: Encoder, model: str) -> None:
    answer = client.get(f"/v1/models/{model}")
    assert answer.status_code == 404
    assert f"there is no model {unquote(model)!r}" in answer.json()["detail"]
    assert encoder.manifest.model in answer.json()["detail"]
