"""LangChain's retriever over an index."""

from typing import Any, Literal

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from querytower.index import Index
from querytower.results import Hit


class QuerytowerRetriever(BaseRetriever):
    """Retrieves from an index; `k`, `filter` and `mode` are those of a search.

    The content of a document is its best passage, or its whole text.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: Index
    k: int = 10
    filter: dict[str, Any] | None = None
    mode: Literal["hybrid", "semantic", "keyword"] = "hybrid"
    content: Literal["passage", "text"] = "passage"

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  (the interface has it)
        **options: Any,
    ) -> list[LangChainDocument]:
        wanted = {"k": self.k, "filter": self.filter, "mode": self.mode} | options
        return [self._document(hit) for hit in self.index.search(query, **wanted)]

    def _document(self, hit: Hit) -> LangChainDocument:
        own = {"title": hit.title, "url": hit.url, "score": hit.score}
        content = hit.passage if self.content == "passage" else hit.text
        return LangChainDocument(id=hit.id, page_content=content, metadata={**hit.metadata, **own})
