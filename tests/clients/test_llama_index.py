"""LlamaIndex: an index over our store, its retriever and query engine, our retriever and embeddings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handler.encoder import Encoder
from handler.errors import InvalidRequest
from querytower import Index
from tests.library import BOOKS, Library

pytest.importorskip("llama_index.core", reason="the clients are not installed; run: make clients")

from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

from querytower.collection import Collection
from querytower.llama_index import (
    QuerytowerEmbedding,
    QuerytowerRetriever,
    QuerytowerVectorStore,
)


@pytest.fixture(scope="module")
def embedding(library: Library) -> QuerytowerEmbedding:
    return QuerytowerEmbedding(library.model)


@pytest.fixture
def store(library: Library, tmp_path: Path) -> QuerytowerVectorStore:
    corpus, folder = tmp_path / "nodes.jsonl", tmp_path / "store"
    return QuerytowerVectorStore(Collection(corpus, folder, model=library.model))


def filled(store: QuerytowerVectorStore, embedding: QuerytowerEmbedding) -> Any:
    books = [
        Document(doc_id=book["id"], text=book["text"], metadata={"year": book["year"]})
        for book in BOOKS
        if "year" in book
    ]
    context = StorageContext.from_defaults(vector_store=store)
    return VectorStoreIndex.from_documents(books, storage_context=context, embed_model=embedding)


def test_an_index_over_the_store(
    store: QuerytowerVectorStore, embedding: QuerytowerEmbedding
) -> None:
    index = filled(store, embedding)
    retriever = index.as_retriever(similarity_top_k=2)
    [first, second] = retriever.retrieve("an old botanist grows trees on roofs")
    assert first.node.ref_doc_id == "/rooted"
    assert first.score >= second.score
    index.delete_ref_doc("/rooted")
    left = index.as_retriever(similarity_top_k=10).retrieve("an old botanist")
    assert "/rooted" not in {each.node.ref_doc_id for each in left}
    store.clear()
    assert retriever.retrieve("anything") == []


@pytest.mark.parametrize(
    ("condition", "operator", "values", "years"),
    [
        ("and", ">=", [1990, 2000], {2015, 2020}),
        ("or", "==", [1969, 2020], {1969, 2020}),
        ("not", "<", [1991], {1991, 2015, 2020}),
    ],
)
def test_filters(
    store: QuerytowerVectorStore,
    embedding: QuerytowerEmbedding,
    condition: str,
    operator: str,
    values: list[int],
    years: set[int],
) -> None:
    filters = MetadataFilters(
        filters=[MetadataFilter(key="year", value=each, operator=operator) for each in values],
        condition=condition,
    )
    retriever = filled(store, embedding).as_retriever(similarity_top_k=10, filters=filters)
    assert {each.node.metadata["year"] for each in retriever.retrieve("a book")} == years


def test_an_operator_without_equivalent(
    store: QuerytowerVectorStore, embedding: QuerytowerEmbedding
) -> None:
    filters = MetadataFilters(
        filters=[MetadataFilter(key="year", value="19", operator="text_match")]
    )
    with pytest.raises(InvalidRequest, match="text_match"):
        filled(store, embedding).as_retriever(filters=filters).retrieve("a book")


def test_our_retriever_in_a_query_engine(library: Library) -> None:
    index = Index.open(library.store, model=library.model)
    retriever = QuerytowerRetriever(index, k=2, filter={"genres": "mystery"})
    engine = RetrieverQueryEngine.from_args(retriever, llm=MockLLM())
    answer = engine.query("a boat on the coast")
    assert {each.node.node_id for each in answer.source_nodes} == {"tides/1", "the-lighthouse"}
    passages = {each.node.node_id: each.node.text for each in answer.source_nodes}
    assert passages["tides/1"] in index.get("tides/1").text
    assert "a boat on the coast" in str(answer)


def test_embeddings_are_the_encoders(embedding: QuerytowerEmbedding, library: Library) -> None:
    encoder, texts = Encoder.open(library.model), ["a", "b"]
    found = np.array(embedding.get_text_embedding_batch(texts), np.float32)
    assert np.array_equal(found, encoder.encode(texts, "document"))
    query = np.array(embedding.get_query_embedding("a"), np.float32)
    assert np.array_equal(query, encoder.encode(["a"], "query")[0])
