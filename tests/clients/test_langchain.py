"""LangChain's own standard tests of a retriever, of embeddings and of a vector store."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handler.encoder import Encoder
from querytower import Index
from tests.library import Library

pytest.importorskip("langchain_tests", reason="the clients are not installed; run: make clients")

from langchain_tests.integration_tests import (
    EmbeddingsIntegrationTests,
    RetrieversIntegrationTests,
    VectorStoreIntegrationTests,
)

from querytower.collection import Collection
from querytower.langchain import (
    QuerytowerEmbeddings,
    QuerytowerRetriever,
    QuerytowerVectorStore,
)


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _opened(self, library: Library) -> None:
        self.index = Index.open(library.store, model=library.model)

    @property
    def retriever_constructor(self) -> type[QuerytowerRetriever]:
        return QuerytowerRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"index": self.index}

    @property
    def retriever_query_example(self) -> str:
        return "a boat on the coast"


class TestEmbeddings(EmbeddingsIntegrationTests):
    @pytest.fixture(autouse=True)
    def _model(self, library: Library) -> None:
        self.folder = library.model

    @property
    def embeddings_class(self) -> type[QuerytowerEmbeddings]:
        return QuerytowerEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": self.folder}


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, library: Library, tmp_path: Path) -> QuerytowerVectorStore:
        corpus, store = tmp_path / "documents.jsonl", tmp_path / "store"
        return QuerytowerVectorStore(Collection(corpus, store, model=library.model))


def test_a_retriever_filters_and_tells_where_from(library: Library) -> None:
    index = Index.open(library.store, model=library.model)
    retriever = QuerytowerRetriever(index=index, filter={"genres": "mystery"}, content="text")
    found = {each.id: each for each in retriever.invoke("a boat on the coast")}
    assert found.keys() == {"tides/1", "the-lighthouse"}
    assert found["tides/1"].metadata["title"] == "Tides"
    assert found["tides/1"].page_content == index.get("tides/1").text


def test_embeddings_are_the_encoders(library: Library) -> None:
    embeddings, encoder = QuerytowerEmbeddings(library.model), Encoder.open(library.model)
    found = np.array(embeddings.embed_documents(["a", "b"]), np.float32)
    assert np.array_equal(found, encoder.encode(["a", "b"], "document"))


def test_a_store_survives_its_process_and_scores_by_cosine(
    library: Library, tmp_path: Path
) -> None:
    paths = (tmp_path / "documents.jsonl", tmp_path / "store")
    texts = ["a boat on the coast", "trees on roofs", "a family in Köln"]
    first = QuerytowerVectorStore.from_texts(
        texts,
        None,
        [{"n": 1}, {"n": 2}, {"n": 3}],
        collection=Collection(*paths, model=library.model),
    )
    assert len(first.similarity_search("trees", filter={"n": {"$gte": 2}})) == 2
    again = QuerytowerVectorStore(Collection(*paths, model=library.model))
    [(document, cosine)] = again.similarity_search_with_score(texts[1], k=1)
    assert document.page_content == texts[1]
    assert cosine == pytest.approx(1, abs=0.01)
    assert len(again.as_retriever(search_kwargs={"k": 2}).invoke("boat")) == 2
