"""LangChain's vector store over a collection."""

from collections.abc import Sequence
from typing import Any, Self
from uuid import uuid4

from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from querytower.collection import Collection
from querytower.results import Document

Filter = dict[str, Any] | None


class QuerytowerVectorStore(VectorStore):
    """A collection that LangChain adds to, removes from, and searches."""

    def __init__(self, collection: Collection) -> None:
        """Use a collection, whose model makes the vectors."""
        self._collection = collection

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,  # noqa: ARG003  (the collection has a model)
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        collection: Collection,
        **_options: Any,
    ) -> Self:
        """Add texts to a collection, and return its store."""
        store = cls(collection)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def add_documents(
        self, documents: list[LangChainDocument], ids: list[str] | None = None, **_options: Any
    ) -> list[str]:
        """Add documents, or replace those of the same ids; return their ids."""
        given = ids or [each.id or "" for each in documents]
        keys = [each or uuid4().hex for each in given]
        pairs = zip(keys, documents, strict=True)
        self._collection.add(
            Document(id=key, title="", text=each.page_content, url="", metadata=each.metadata)
            for key, each in pairs
        )
        return keys

    def delete(self, ids: list[str] | None = None, **_options: Any) -> bool:
        """Remove documents; unknown ids are skipped."""
        self._collection.delete(ids or [])
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[LangChainDocument]:
        """Return documents; unknown ids are skipped."""
        return [_document(each) for each in self._collection.get(ids)]

    def similarity_search(
        self,
        query: str,
        k: int = 4,
        filter: Filter = None,  # noqa: A002  (the name that LangChain's stores give it)
        **options: Any,
    ) -> list[LangChainDocument]:
        """Return the best documents by meaning and words; `options` are those of a search."""
        found = self._collection.search(query, k=k, filter=filter, **options)
        return [_document(document) for document, _ in found]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        filter: Filter = None,  # noqa: A002
        **options: Any,
    ) -> list[tuple[LangChainDocument, float]]:
        """Return the nearest documents by meaning, with their cosines."""
        found = self._collection.search(query, k=k, filter=filter, mode="semantic", **options)
        return [(_document(document), cosine) for document, cosine in found]

    def _select_relevance_score_fn(self) -> Any:
        return lambda cosine: (1 + cosine) / 2


def _document(document: Document) -> LangChainDocument:
    return LangChainDocument(
        id=document.id, page_content=document.text, metadata=dict(document.metadata)
    )
