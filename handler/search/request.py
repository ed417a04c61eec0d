"""The options of a search, declared once: HTTP, the page and the command line derive from them."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from handler.search.bounds import (
    FACET_VALUES,
    FACETS,
    FIELDS,
    OFFSET,
    QUERY_CHARS,
    RERANK,
    VECTOR,
    Bounds,
    K,
    check_items,
    check_number,
    check_text,
    check_unicode,
)
from handler.search.filters import MAX_PATTERN_CHARS
from handler.settings import Settings

Mode = Literal["hybrid", "semantic", "keyword"]
MODES: tuple[Mode, ...] = get_args(Mode)


class RankBy(BaseModel):
    """A metadata field of numbers or dates that counts beside relevance.

    `log` suits counts, such as sales; `recency` halves the value of a date every `half_life_days`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str = Field(description="Name of the field.")
    scale: Literal["log", "linear", "recency"] = Field(
        default="log", description="How the value is read."
    )
    weight: float = Field(default=0.3, ge=0, le=1, description="Weight beside relevance.")
    descending: bool = Field(default=True, description="Whether greater values are better.")
    half_life_days: float = Field(
        default=365, gt=0, le=1e6, description="Days after which a date counts half."
    )


class SearchRequest(BaseModel):
    """A search: `k` hits after the first `offset`, among the documents that match `filter`."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    query: Annotated[str, QUERY_CHARS] = Field(
        default="",
        validation_alias=AliasChoices("query", "q"),
        description="What to search for; nothing to browse by filter, sort or facets.",
        examples=["atmospheric, female lead, worldbuilding, funny"],
    )
    k: Annotated[int, K] = Field(default=10, description="Number of hits.")
    offset: Annotated[int, OFFSET] = Field(
        default=0, description="Hits to skip, for further pages."
    )
    mode: Mode = Field(
        default="hybrid",
        description="Search by meaning and words (hybrid), by meaning (semantic), or by words "
        "(keyword).",
    )
    filter: dict[str, Any] | None = Field(
        default=None,
        description='Condition on metadata, such as {"year": {"$gte": 1990}}.',
        examples=[{"year": {"$gte": 1990}, "genres": {"$in": ["mystery"]}}],
    )
    sort: str = Field(
        default="",
        description="Metadata field to sort by, with - in front for descending order; or a place, "
        "nearest first.",
        examples=["-year", "location(48.86, 2.29)"],
    )
    facets: Annotated[list[str], FACETS] = Field(
        default=[], description="Metadata fields whose values are counted."
    )
    facet_values: Annotated[int, FACET_VALUES] = Field(
        default=20, description="Most values of each facet."
    )
    facet_query: str = Field(
        default="",
        max_length=MAX_PATTERN_CHARS,
        description="Text that the values of facets must contain.",
    )
    total: bool = Field(default=False, description="Tell how many documents match.")
    semantic_ratio: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Weight of meaning in a hybrid search; words have the rest.",
    )
    min_score: float | None = Field(
        default=None,
        ge=-1,
        le=1,
        description="Least cosine of hits that have none of the query's words.",
    )
    distinct: str = Field(
        default="",
        description="Metadata field of which each value is shown once, by its best hit.",
        examples=["author"],
    )
    diversity: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="How much hits that resemble better ones are put back: 0 not at all.",
    )
    collapse: bool = Field(
        default=False, description="Leave out hits that nearly repeat a better one."
    )
    rerank: Annotated[int, RERANK] = Field(
        default=0, description="First hits that the model bundle's reranker orders; 0 for none."
    )
    typing: bool = Field(
        default=False, description="Take the last word for the beginning of a word."
    )
    verbatim: bool = Field(
        default=False,
        description="Search for the words as they are typed: nothing is corrected, joined or split.",
    )
    rank: RankBy | None = Field(
        default=None,
        description="Metadata field whose value counts beside relevance, such as popularity.",
        examples=[{"field": "ratings_count", "scale": "log", "weight": 0.3}],
    )
    vector: Annotated[list[float], VECTOR] = Field(
        default=[], description="Embedding to search by, in place of the query's."
    )
    fields: Annotated[list[str], FIELDS] = Field(
        default=[],
        description="Fields of a hit to return, such as id, title or metadata.year; all by default.",
        examples=[["id", "title", "metadata.year"]],
    )
    explain: bool = Field(default=False, description="Tell how each score came about.")
    highlight: bool = Field(
        default=False, description="Return the best passage as HTML with the match marked."
    )

    @field_validator("rank", mode="before")
    @classmethod
    def _read_json(cls, value: object) -> object:
        """Read the text that a URL and the command line have for an object."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as cause:
            raise ValueError(f"{value[:60]!r} is not JSON: {cause}") from cause

    def within(self, settings: Settings) -> Self:
        """Return this request with its query stripped, after checking it against the settings.

        A default `k` gives way to a smaller `max_k`.

        Raises:
            InvalidRequest: a value is out of bounds, or the query is empty.
        """
        browses = self.filter or self.sort or self.facets or self.vector
        query = "" if browses and not self.query.strip() else None
        if query is None:
            query = check_text(self.query, "query", settings)
        for name, value in self:
            if value and isinstance(value, str | list | dict):
                check_unicode(value, name)
        k = self.k if "k" in self.model_fields_set else min(self.k, K.greatest(settings))
        checked = self.model_copy(update={"query": query, "k": k})
        for name, bounds in BOUNDS.items():
            value = getattr(checked, name)
            if isinstance(value, int):
                check_number(value, name, bounds, settings)
            elif isinstance(value, list):
                check_items(value, name, bounds, settings)
        return checked


# Options that have bounds.
BOUNDS = {
    name: bounds
    for name, field in SearchRequest.model_fields.items()
    for bounds in field.metadata
    if isinstance(bounds, Bounds)
}


def first_fault(errors: Sequence[Mapping[str, Any]], skipped: int = 0) -> str:
    """Return one sentence for the first of pydantic's errors: the place and what is wrong there.

    `skipped` is the number of parts at the start of the place that callers don't know.
    """
    place = ".".join(str(part) for part in errors[0]["loc"][skipped:]) or "body"
    return f"{place}: {errors[0]['msg']}"
