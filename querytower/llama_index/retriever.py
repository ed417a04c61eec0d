"""LlamaIndex's retriever over an index."""

from typing import Any, Literal

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

from querytower.index import Index
from querytower.llama_index.nodes import to_node


class QuerytowerRetriever(BaseRetriever):
    """Retrieves from an index; the content of a node is the best passage of its document."""

    def __init__(
        self,
        index: Index,
        *,
        k: int = 10,
        filter: dict[str, Any] | None = None,  # noqa: A002  (the option's name everywhere)
        mode: Literal["hybrid", "semantic", "keyword"] = "hybrid",
    ) -> None:
        """Take the index, and options of a search."""
        super().__init__()
        self._index = index
        self._options: dict[str, Any] = {"k": k, "filter": filter, "mode": mode}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._index.search(query_bundle.query_str, **self._options)
        return [NodeWithScore(node=to_node(hit, hit.passage), score=hit.score) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = await self._index.asearch(query_bundle.query_str, **self._options)
        return [NodeWithScore(node=to_node(hit, hit.passage), score=hit.score) for hit in hits]
