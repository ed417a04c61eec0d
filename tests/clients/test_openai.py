"""OpenAI's embeddings as its own client, LangChain's and LlamaIndex's ask for them."""

import numpy as np
import pytest

from handler.encoder import Encoder
from tests.library import Library

openai = pytest.importorskip("openai", reason="the clients are not installed; run: make clients")
TEXTS = [f"a boat on the coast, number {number}" for number in range(150)]


@pytest.fixture(scope="module")
def encoder(library: Library) -> Encoder:
    return Encoder.open(library.model)


def test_openai(address: str, encoder: Encoder) -> None:
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    answer = client.embeddings.create(model="text-embedding-3-small", input=TEXTS)
    found = np.array([each.embedding for each in answer.data], np.float32)
    assert np.array_equal(found, encoder.encode(TEXTS, "document"))
    assert answer.usage.total_tokens == sum(map(len, encoder.tokenize(TEXTS, "document")))
    assert [each.id for each in client.models.list()] == [encoder.manifest.model]
    assert client.models.retrieve(encoder.manifest.model).id == encoder.manifest.model
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("other")
    assert "there is no model 'other'" in refused.value.body["detail"]
    tokens = [encoder.tokenizer.encode(text).ids for text in TEXTS[:3]]
    by_ids = client.embeddings.create(model="any", input=tokens).data
    assert np.array_equal(np.array([each.embedding for each in by_ids], np.float32), found[:3])


def test_langchain(address: str, encoder: Encoder) -> None:
    from langchain_openai import OpenAIEmbeddings

    # With the check it would send the ids of OpenAI's tokenizer, after downloading that.
    embeddings = OpenAIEmbeddings(
        base_url=f"{address}/v1", api_key="none", check_embedding_ctx_length=False
    )
    found = np.array(embeddings.embed_documents(TEXTS), np.float32)
    assert np.array_equal(found, encoder.encode(TEXTS, "document"))
    query = np.array(embeddings.embed_query("tide"), np.float32)
    assert np.array_equal(query, encoder.encode(["tide"], "document")[0])


def test_llama_index(address: str, encoder: Encoder) -> None:
    from llama_index.embeddings.openai_like import OpenAILikeEmbedding

    embeddings = OpenAILikeEmbedding(
        model_name="any", api_base=f"{address}/v1", api_key="none", embed_batch_size=100
    )
    found = np.array(embeddings.get_text_embedding_batch(TEXTS), np.float32)
    assert np.array_equal(found, encoder.encode(TEXTS, "document"))
    query = np.array(embeddings.get_query_embedding("tide"), np.float32)
    assert np.array_equal(query, encoder.encode(["tide"], "document")[0])
