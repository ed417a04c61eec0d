"""POST /v1/embeddings and GET /v1/models, with /{id}, as OpenAI's API has them, so that its clients work here."""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from fastapi import FastAPI

from handler.api.answers import JsonResponse
from handler.api.embedding_input import tokens_of
from handler.api.requests import EmbeddingsRequest
from handler.api.routing import add_route
from handler.encoder import Vectors
from handler.errors import AnswerTooLarge, InvalidRequest, ModelNotFound
from handler.service import Service
from handler.settings import Settings

if TYPE_CHECKING:
    from handler.api.shapes import (
        EmbeddingBody,
        EmbeddingsAnswer,
        ModelBody,
        ModelsAnswer,
    )

# Bytes of a number in an answer: in JSON, and as base64 of four bytes.
JSON_BYTES, BASE64_BYTES = 23, 5.4


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    def embeddings(body: EmbeddingsRequest) -> JsonResponse:
        """Return the unit vectors of one or more texts."""
        encoder = load().encoder
        size = body.dimensions or encoder.dimension
        if not 1 <= size <= encoder.dimension:
            raise InvalidRequest(
                f"dimensions is {size}; this model has {encoder.dimension}, so it may be 1 to that"
            )
        tokens = tokens_of(body.input, body.input_type, encoder, settings)
        as_base64 = body.encoding_format == "base64"
        number = BASE64_BYTES if as_base64 else JSON_BYTES
        if len(tokens) * size * number > settings.max_answer_bytes:
            raise AnswerTooLarge(
                f"{len(tokens)} vectors are more than an answer can have; send fewer texts at once"
                + ("" if as_base64 else ", or set encoding_format to base64")
            )
        vectors = shortened(encoder.encode_tokens(tokens), size)
        used = sum(map(len, tokens))
        answer: EmbeddingsAnswer = {
            "object": "list",
            "data": [_embedding(at, vector, as_base64) for at, vector in enumerate(vectors)],
            "model": encoder.manifest.model,
            "usage": {"prompt_tokens": used, "total_tokens": used},
        }
        return JsonResponse(answer)

    def models() -> JsonResponse:
        """Return the model that makes embeddings; requests may give it any other name."""
        answer: ModelsAnswer = {
            "object": "list",
            "data": [_model(load().encoder.manifest.model)],
        }
        return JsonResponse(answer)

    def model(model: str) -> JsonResponse:
        """Return the model of this id, which /v1/models lists."""
        known = load().encoder.manifest.model
        if model != known:
            raise ModelNotFound(f"there is no model {model!r}; the one here is {known!r}")
        return JsonResponse(_model(known))

    add_route(app, "POST", "/v1/embeddings", "create_embeddings", embeddings, long=True)
    add_route(app, "GET", "/v1/models", "list_models", models)
    # Most ids have a slash, which some clients escape and others don't.
    add_route(app, "GET", "/v1/models/{model:path}", "get_model", model)


def shortened(vectors: Vectors, size: int) -> Vectors:
    """Return unit vectors of the first `size` dimensions, shape (len(vectors), size).

    Models that were trained for it (Matryoshka, arXiv 2205.13147) lose little.
    """
    if vectors.shape[1] == size:
        return vectors
    cut = vectors[:, :size]
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    return np.asarray(cut / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


def _model(model: str) -> "ModelBody":
    return {"id": model, "object": "model", "created": 0, "owned_by": "querytower"}


def _embedding(at: int, vector: Vectors, as_base64: bool) -> "EmbeddingBody":
    """Return the entry of the text at place `at`; `vector`, shape (dimension,), is float32."""
    value = base64.b64encode(vector.tobytes()).decode() if as_base64 else vector.tolist()
    return {"object": "embedding", "index": at, "embedding": value}
