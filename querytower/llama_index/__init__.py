"""An index in LlamaIndex: retriever, embeddings, vector store."""

from querytower.llama_index.embedding import QuerytowerEmbedding
from querytower.llama_index.retriever import QuerytowerRetriever
from querytower.llama_index.vector_store import QuerytowerVectorStore

__all__ = ["QuerytowerEmbedding", "QuerytowerRetriever", "QuerytowerVectorStore"]
