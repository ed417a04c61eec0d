"""An index in LangChain: retriever, embeddings, vector store."""

from querytower.langchain.embeddings import QuerytowerEmbeddings
from querytower.langchain.retriever import QuerytowerRetriever
from querytower.langchain.vector_store import QuerytowerVectorStore

__all__ = ["QuerytowerEmbeddings", "QuerytowerRetriever", "QuerytowerVectorStore"]
