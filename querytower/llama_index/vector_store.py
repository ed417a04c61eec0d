"""LlamaIndex's vector store over a collection."""

from collections.abc import Sequence
from typing import Any

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from pydantic import PrivateAttr

from handler.errors import InvalidRequest
from querytower.collection import Collection
from querytower.llama_index.filters import as_filter
from querytower.llama_index.nodes import SOURCE, to_document, to_node


class QuerytowerVectorStore(BasePydanticVectorStore):
    """A collection that LlamaIndex adds to, removes from, and searches by the text of a query."""

    stores_text: bool = True
    is_embedding_query: bool = False
    _collection: Collection = PrivateAttr()

    def __init__(self, collection: Collection) -> None:
        """Use a collection, whose model makes the vectors."""
        super().__init__()
        self._collection = collection

    @property
    def client(self) -> Collection:
        """The collection."""
        return self._collection

    def add(self, nodes: Sequence[BaseNode], **_options: Any) -> list[str]:
        """Add nodes, or replace those of the same ids; return their ids."""
        self._collection.add(to_document(node) for node in nodes)
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **_options: Any) -> None:
        """Remove the nodes of a document."""
        self._collection.delete(self._collection.ids(**{SOURCE: ref_doc_id}))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **_options: Any,
    ) -> None:
        """Remove nodes by their ids.

        Raises:
            InvalidRequest: filters are given.
        """
        if filters is not None:
            raise InvalidRequest("nodes are removed by their ids; leave the filters out")
        self._collection.delete(node_ids or [])

    def get_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Return nodes by their ids.

        Raises:
            InvalidRequest: filters are given.
        """
        if filters is not None:
            raise InvalidRequest("nodes are got by their ids; leave the filters out")
        return [to_node(each, each.text) for each in self._collection.get(node_ids or [])]

    def clear(self) -> None:
        """Remove all nodes."""
        self._collection.delete(self._collection.ids())

    def query(self, query: VectorStoreQuery, **_options: Any) -> VectorStoreQueryResult:
        """Return the best nodes by meaning and words.

        Raises:
            InvalidRequest: the query has no text, or a filter that an index can't answer.
        """
        if not query.query_str:
            raise InvalidRequest("the query has no text; this store makes its own vectors")
        condition = as_filter(query.filters) if query.filters and query.filters.filters else None
        found = self._collection.search(query.query_str, k=query.similarity_top_k, filter=condition)
        return VectorStoreQueryResult(
            nodes=[to_node(document, document.text) for document, _ in found],
            similarities=[score for _, score in found],
            ids=[document.id for document, _ in found],
        )
