"""LlamaIndex's embeddings from a model bundle."""

from pathlib import Path
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import PrivateAttr

from handler.encoder import Encoder


class QuerytowerEmbedding(BaseEmbedding):
    """Embeddings of a model bundle, without a server."""

    _encoder: Encoder = PrivateAttr()

    def __init__(self, model: str | Path = "model", **options: Any) -> None:
        """Open the model bundle in a folder; `options` are those of LlamaIndex's base class.

        Raises:
            ModelError: there is no usable one.
        """
        encoder = Encoder.open(Path(model))
        super().__init__(model_name=encoder.manifest.model, **options)
        self._encoder = encoder

    def _get_query_embedding(self, query: str) -> list[float]:
        vector: list[float] = self._encoder.encode([query], "query")[0].tolist()
        return vector

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._encoder.encode(texts, "document").tolist()
        return vectors
