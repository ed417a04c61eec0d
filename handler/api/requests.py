"""Bodies of requests beside the search itself, which is handler/search/request.py."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from handler.search.request import SearchRequest


class BatchRequest(BaseModel):
    """Several searches."""

    model_config = ConfigDict(extra="forbid")

    queries: list[SearchRequest]


class UserEvent(BaseModel):
    """What somebody did with a document: clicked it, added it to something, dismissed it.

    `query_id` is the X-Request-Id of the answer, `rank` the document's place in it, from 1.
    """

    model_config = ConfigDict(extra="forbid")

    type: Literal["click", "add", "dismiss"]
    query_id: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_=-]+$")
    document_id: str = Field(min_length=1, max_length=512)
    rank: int | None = Field(default=None, ge=1, le=10_000)


class EventsRequest(BaseModel):
    """Several events."""

    model_config = ConfigDict(extra="forbid")

    events: list[UserEvent]


class SimilarRequest(BaseModel):
    """A search for documents like some, and unlike others."""

    model_config = ConfigDict(extra="forbid")

    like: list[str] = Field(min_length=1, description="Ids of documents to find more of.")
    unlike: list[str] = Field(default=[], description="Ids of documents to keep away from.")
    k: int | None = Field(default=None, description="Number of hits; 10 by default.")
    fields: list[str] = Field(default=[], description="Fields of a hit to return.")


TokenId = Annotated[int, Field(ge=0, lt=2**32, strict=True)]


class EmbeddingsRequest(BaseModel):
    """A request for embeddings, as OpenAI's API defines it.

    `input` is a text, texts, the token ids of a text, or those of several. `model` is not read: a
    function has one. `input_type`, which OpenAI's lacks, chooses between the model's two prompts.
    """

    input: str | list[str] | list[TokenId] | list[list[TokenId]]
    model: str = ""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None
    input_type: Literal["query", "document"] = "document"


class TextDocument(BaseModel):
    """A document of a request to rerank, as an object."""

    text: str


class RerankRequest(BaseModel):
    """A request to order documents, as Cohere's API defines it; `model` is not read."""

    query: str
    documents: list[str | TextDocument]
    top_n: Annotated[int, Field(ge=1)] | None = None
    return_documents: bool = False
    model: str = ""


class TextsRerankRequest(BaseModel):
    """A request to order texts, as Text Embeddings Inference defines it; long ones are cut."""

    query: str
    texts: list[str]
    return_text: bool = False
    truncate: bool = True
