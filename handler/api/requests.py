"""What requests may say: bodies, query parameters, and their bounds, which are settings."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from handler.corpus.schema import Schema
from handler.errors import InvalidRequest
from handler.search.answer import SearchRequest
from handler.search.ranking import Mode
from handler.settings import Settings

COMPARISON = re.compile(r"(?P<field>.+?)(?P<operator>>=|<=|!=|>|<|=)(?P<value>.*)", re.DOTALL)
OPERATORS = {"=": "$eq", "!=": "$ne", ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}


class SearchBody(BaseModel):
    """A search."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True)

    query: str = Field(
        validation_alias=AliasChoices("query", "q"),
        description="what to search for; q is understood too",
        examples=["atmospheric, female lead, worldbuilding, funny"],
    )
    k: int = Field(10, description="number of hits")
    offset: int = Field(0, description="hits to skip, for further pages")
    mode: Mode = Field(
        "hybrid", description="by meaning and words, by meaning alone, or by words alone"
    )
    filter: dict[str, Any] | None = Field(
        None, examples=[{"year": {"$gte": 1990}, "genres": {"$in": ["mystery"]}}]
    )
    sort: str = Field(
        "", description="metadata field to sort by, - in front for descending", examples=["-year"]
    )
    facets: list[str] = Field([], description="metadata fields whose values are counted")
    explain: bool = Field(False, description="say how each score came about")
    highlight: bool = Field(
        False, description="give the best passage as HTML with the match marked"
    )

    def request(self, settings: Settings) -> SearchRequest:
        """Return the request after a check of its bounds.

        Raises:
            InvalidRequest: a bound is exceeded, or there is no query.
        """
        text = check_text(self.query, "query", settings)
        _check_unicode(self.filter, "filter")
        k = self.k if "k" in self.model_fields_set else min(self.k, settings.max_k)
        check_number(k, "k", 1, settings.max_k, "MAX_K")
        check_number(self.offset, "offset", 0, settings.max_offset, "MAX_OFFSET")
        if len(self.facets) > settings.max_batch:
            raise InvalidRequest(
                f"{len(self.facets)} facets were asked for; {settings.max_batch} at most"
            )
        return SearchRequest(
            text,
            k,
            self.offset,
            self.mode,
            self.filter,
            self.sort,
            self.facets,
            self.explain,
            self.highlight,
        )


class BatchBody(BaseModel):
    """Several searches."""

    model_config = ConfigDict(extra="forbid")

    queries: list[SearchBody]


class EmbeddingsBody(BaseModel):
    """A request for embeddings, as OpenAI's API defines it; `input_type` says which of the model's prompts to use."""

    input: str | list[str]
    model: str = ""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None
    input_type: Literal["query", "document"] = "document"


def check_text(text: str, name: str, settings: Settings) -> str:
    """Return `text` without surrounding white space.

    Raises:
        InvalidRequest: nothing is left, it is too long, or it is no valid Unicode.
    """
    if len(text) > settings.max_query_chars:
        raise InvalidRequest(
            f"{name} has {len(text)} characters; {settings.max_query_chars} at most (QUERYTOWER_MAX_QUERY_CHARS)"
        )
    text = text.strip()
    if not text:
        raise InvalidRequest(f"{name} is empty; say what to search for")
    _check_unicode(text, name)
    return text


def _check_unicode(value: object, name: str) -> None:
    """Raise InvalidRequest if a text in `value`, as JSON may hold it, is no valid Unicode."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name} holds half of a surrogate pair, which is not text") from None


def check_number(value: int, name: str, low: int, high: int, setting: str) -> None:
    """Raise InvalidRequest unless `value` is from `low` to `high`."""
    if not low <= value <= high:
        raise InvalidRequest(f"{name} is {value}; it may be {low} to {high} (QUERYTOWER_{setting})")


def filter_from_parameters(
    parameters: Iterable[tuple[str, str]], schema: Schema
) -> dict[str, Any] | None:
    """Read a filter from what stands beside q in a URL: genre=mystery, year>=1990, price<20, genre!=gothic.

    A field that is given twice matches either value. A parameter `filter` holds a filter in JSON.

    Raises:
        InvalidRequest: a parameter that is no field, or a value that its field can't have.
    """
    conditions: list[dict[str, Any]] = []
    equal: dict[str, list[Any]] = {}
    for name, value in parameters:
        if name == "filter":
            if condition := _json_filter(value):
                conditions.append(condition)
            continue
        # A URL splits at its first =, so that year>=1990 arrives as the name "year>" and year>1990 as a name alone.
        match = COMPARISON.fullmatch(f"{name}={value}" if value or name[-1:] in "><!" else name)
        field, operator, text = (
            match.group("field", "operator", "value") if match else (name, "=", value)
        )
        typed = _typed(field, text, schema)
        if operator == "=":
            equal.setdefault(field, []).append(typed)
        else:
            conditions.append({field: {OPERATORS[operator]: typed}})
    conditions += [{field: {"$in": values}} for field, values in equal.items()]
    return {"$and": conditions} if conditions else None


def _json_filter(text: str) -> dict[str, Any]:
    try:
        condition = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InvalidRequest(f"filter is not JSON: {cause}") from cause
    if not isinstance(condition, Mapping):
        raise InvalidRequest(
            f'filter is {condition!r}; it must be an object such as {{"year": {{"$gte": 1990}}}}'
        )
    return dict(condition)


def _typed(name: str, text: str, schema: Schema) -> Any:
    """Return the text of a URL as the type of its field; what does not fit is left for the filter to refuse."""
    kind = schema[name].kind if name in schema else "string"
    try:
        if kind == "integer":
            return int(text)
        if kind == "float":
            return float(text)
    except ValueError:
        return text
    return {"true": True, "false": False}.get(text.lower(), text) if kind == "boolean" else text
