"""LangChain's embeddings from a model bundle."""

from pathlib import Path

from langchain_core.embeddings import Embeddings

from handler.encoder import Encoder


class QuerytowerEmbeddings(Embeddings):
    """Embeddings of a model bundle, without a server."""

    def __init__(self, model: str | Path = "model") -> None:
        """Open the model bundle in a folder.

        Raises:
            ModelError: there is no usable one.
        """
        self._encoder = Encoder.open(Path(model))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a unit vector for each text."""
        vectors: list[list[float]] = self._encoder.encode(texts, "document").tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the unit vector of a query."""
        vector: list[float] = self._encoder.encode([text], "query")[0].tolist()
        return vector
