"""POST /v1/embeddings, with OpenAI's request and answer, so that its clients work here."""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI

from handler.api.answers import JsonResponse
from handler.api.requests import EmbeddingsRequest
from handler.api.routing import add_route
from handler.encoder import Vectors
from handler.errors import InvalidRequest
from handler.search.bounds import BATCH, check_number, check_text, check_total
from handler.service import Service
from handler.settings import Settings

if TYPE_CHECKING:
    from handler.api.shapes import EmbeddingBody, EmbeddingsAnswer


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    def embeddings(body: EmbeddingsRequest) -> JsonResponse:
        """Return the unit vectors of one or more texts."""
        texts = [body.input] if isinstance(body.input, str) else body.input
        check_number(len(texts), "the number of texts", BATCH, settings)
        texts = [check_text(text, f"input[{at}]", settings) for at, text in enumerate(texts)]
        check_total(texts, "the texts", settings)
        encoder = load().encoder
        if body.dimensions not in (None, encoder.dimension):
            raise InvalidRequest(
                f"dimensions is {body.dimensions}; this model has {encoder.dimension}"
            )
        vectors = encoder.encode(texts, body.input_type)
        as_base64 = body.encoding_format == "base64"
        data = [_embedding(at, vector, as_base64) for at, vector in enumerate(vectors)]
        tokens = sum(len(encoding) for encoding in encoder.tokenizer.encode_batch_fast(texts))
        answer: EmbeddingsAnswer = {
            "object": "list",
            "data": data,
            "model": encoder.manifest.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
        return JsonResponse(answer)

    add_route(app, "POST", "/v1/embeddings", "create_embeddings", embeddings, long=True)


def _embedding(at: int, vector: Vectors, as_base64: bool) -> "EmbeddingBody":
    """Return the entry of the text at place `at`; `vector`, shape (dimension,), is float32."""
    value = base64.b64encode(vector.tobytes()).decode() if as_base64 else vector.tolist()
    return {"object": "embedding", "index": at, "embedding": value}
