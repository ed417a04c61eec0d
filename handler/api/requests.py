"""Bodies of requests beside the search itself, which is handler/search/request.py."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from handler.search.request import SearchRequest


class BatchRequest(BaseModel):
    """Several searches."""

    model_config = ConfigDict(extra="forbid")

    queries: list[SearchRequest]


class EmbeddingsRequest(BaseModel):
    """A request for embeddings, as OpenAI's API defines it.

    `input_type`, which OpenAI's lacks, chooses between the model's two prompts.
    """

    input: str | list[str]
    model: str = ""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None
    input_type: Literal["query", "document"] = "document"
