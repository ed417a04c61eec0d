"""The shapes of all answers: types for the code that builds them, schemas for OpenAPI."""

from typing import Literal, NotRequired

from pydantic import RootModel
from typing_extensions import TypedDict

from handler.corpus.document import Value
from handler.corpus.schema import FieldKind
from handler.index.engine import FacetsOf
from handler.search.answer import Explanation
from handler.search.request import Mode


class DocumentBody(TypedDict, total=False):
    """The fields of a document, or those that `fields` names.

    `truncated` is there, and true, where metadata or text was cut because the answer was too large.
    """

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, Value]
    truncated: Literal[True]


class DocumentAnswer(DocumentBody):
    """A document, and the version of the index that it comes from."""

    index_version: str


class DocumentsAnswer(TypedDict):
    """Documents in the order of the index, or of the ids asked for; or one document by its id.

    `next` is there while more follow: it is the parameter `after` of the next request.
    """

    index_version: str
    documents: list[DocumentBody]
    next: NotRequired[str]
    truncated: NotRequired[Literal[True]]


class PassageBody(TypedDict):
    """The best passage of a hit, and where it starts and ends in the text, in characters."""

    start: int
    end: int
    text: str


class HitBody(DocumentBody, total=False):
    """A document that was found.

    `score` orders the hits and has no unit; it is null where a sort ordered them. `section` is there
    if the passage lies in one: its headings, or its page; `url` then leads to it. `highlight`, the
    passage as HTML, and `explanation` are there when they were asked for. `others` is the number of
    further hits with the same value, where `distinct` shows each value once. `distance` is in metres,
    from the place of a `$near` or a sort.
    """

    score: float | None
    passage: PassageBody
    section: str
    highlight: str
    explanation: Explanation
    others: int
    distance: float


class FacetBody(TypedDict):
    """A value of a metadata field, and the number of documents that have it."""

    value: str | int | float | bool
    documents: int


class BinBody(TypedDict):
    """The number of documents whose value is at least `start` and less than `end`."""

    start: float | str
    end: float | str
    documents: int


class SpreadBody(TypedDict):
    """Least, greatest and mean value of a facet of numbers or dates, and a histogram."""

    min: float | str
    max: float | str
    mean: float | str
    histogram: list[BinBody]


class TotalBody(TypedDict):
    """How many documents match: so many, or at least so many where meaning may find more."""

    documents: int
    relation: Literal["exact", "at least"]


class CorrectedBody(TypedDict):
    """The query with its misspellings corrected, and the right spelling of each."""

    query: str
    words: dict[str, str]


class SearchAnswer(TypedDict):
    """What a search found.

    `facets`, with `spreads` for numbers and dates, and `total` are there when they were asked for.
    `facets_of` is there where the engine counts only candidates, not everything that matches.

    `nothing_close` is there if no hit has a word of the query, or is nearer than chance would be.
    `corrected` is there if words were taken for misspellings; `verbatim` turns this off.
    `truncated` is there, and true, where hits were cut because the answer was too large.
    """

    query: str
    mode: Mode
    index: str
    index_version: str
    corrected: NotRequired[CorrectedBody]
    hits: list[HitBody]
    facets: NotRequired[dict[str, list[FacetBody]]]
    facets_of: NotRequired[FacetsOf]
    spreads: NotRequired[dict[str, SpreadBody]]
    total: NotRequired[TotalBody]
    nothing_close: NotRequired[Literal[True]]
    truncated: NotRequired[Literal[True]]


class BatchAnswer(TypedDict):
    """What several searches found, in their order."""

    index_version: str
    results: list[SearchAnswer]
    truncated: NotRequired[Literal[True]]


class SimilarAnswer(TypedDict):
    """The documents most similar to one."""

    id: str
    index_version: str
    hits: list[HitBody]
    truncated: NotRequired[Literal[True]]


class SuggestionBody(TypedDict):
    """A completion, and what it is: `title`, `phrase`, or the name of a metadata field."""

    text: str
    kind: str


class SuggestAnswer(TypedDict):
    """Completions, likeliest first."""

    query: str
    index_version: str
    suggestions: list[SuggestionBody]


class FieldBody(TypedDict):
    """A metadata field: its type, whether it may hold lists, and how many documents have it."""

    type: FieldKind
    list: bool
    documents: int


class SchemaAnswer(TypedDict):
    """The metadata fields of an index, what serves it, and what facets, sorts and totals look at.

    `places` has the fields of latitude and longitude of each place.
    """

    index: str
    index_version: str
    fields: dict[str, FieldBody]
    places: dict[str, list[str]]
    served_by: str
    facets_of: FacetsOf


class IndexesAnswer(TypedDict):
    """The names of the indexes in the store."""

    indexes: list[str]


class HealthAnswer(TypedDict):
    """The process is alive."""

    status: Literal["ok"]


class FetchedBody(TypedDict):
    """What a process fetched of an index from the store so far.

    `block_hit_rate` is the share of the blocks that were here already when they were read.
    """

    bytes: int
    ranges: int
    block_hit_rate: float


class ReadyAnswer(TypedDict):
    """What answers searches."""

    status: Literal["ready"]
    index: str
    index_version: str
    created: str
    documents: int
    passages: int
    model: str
    fingerprint: str
    fetched: FetchedBody


class TextBody(TypedDict):
    """A document of a request to rerank."""

    text: str


class RankedBody(TypedDict):
    """The place of a document in the request, and how well it fits the query, 0 to 1."""

    index: int
    relevance_score: float
    document: NotRequired[TextBody]


class RerankAnswer(TypedDict):
    """Documents, the best first."""

    results: list[RankedBody]


class ScoredTextBody(TypedDict):
    """The place of a text in the request, and how well it fits the query, 0 to 1."""

    index: int
    score: float
    text: NotRequired[str]


class ScoredTexts(RootModel[list[ScoredTextBody]]):
    """Texts, the best first."""


class EmbeddingBody(TypedDict):
    """The unit vector of one text: numbers, or base64 of little-endian float32."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class UsageBody(TypedDict):
    """Tokens that were encoded."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(TypedDict):
    """Unit vectors in the order of the texts, as OpenAI's API returns them."""

    object: Literal["list"]
    data: list[EmbeddingBody]
    model: str
    usage: UsageBody


class ModelBody(TypedDict):
    """A model, as OpenAI's API describes it."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelsAnswer(TypedDict):
    """The model that makes embeddings."""

    object: Literal["list"]
    data: list[ModelBody]


class EventsAnswer(TypedDict):
    """How many events were recorded."""

    accepted: int


class ProblemBody(TypedDict):
    """What is wrong and what to do about it, as RFC 9457 has it; the log has more by the id."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    request_id: str


# By the names of operations; several where the parameters decide.
ANSWERS: dict[str, type | tuple[type, ...]] = {
    "search": SearchAnswer,
    "search_by_url": SearchAnswer,
    "search_batch": BatchAnswer,
    "get_similar": SimilarAnswer,
    "get_similar_by_id": SimilarAnswer,
    "get_document": DocumentAnswer,
    "list_documents": (DocumentsAnswer, DocumentAnswer),
    "find_similar": SimilarAnswer,
    "get_random": DocumentAnswer,
    "suggest": SuggestAnswer,
    "get_health": HealthAnswer,
    "list_indexes": IndexesAnswer,
    "get_ready": ReadyAnswer,
    "get_schema": SchemaAnswer,
    "rerank": RerankAnswer,
    "rerank_texts": ScoredTexts,
    "create_embeddings": EmbeddingsAnswer,
    "list_models": ModelsAnswer,
    "get_model": ModelBody,
    "record_events": EventsAnswer,
}
