"""rules.json: what the owner of an index wants to be found, read and checked."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handler.errors import InvalidRules

MAX_RULES_BYTES = 1_000_000

Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Rule(BaseModel):
    # The validators are built for the first rules.json, not at the start of each function.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Synonyms(_Rule):
    """Words or phrases that stand for each other, or, with `to`, that stand for those alone."""

    words: Annotated[tuple[Text, ...], Field(min_length=1, max_length=50)]
    to: Annotated[tuple[Text, ...], Field(max_length=50)] = ()


class Pin(_Rule):
    """The ids of the documents that come first for a query, in their order."""

    query: Text
    ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]


class Boost(_Rule):
    """A filter, and what the score of documents that match it gains, in standard deviations."""

    filter: dict[str, Any]
    weight: Annotated[float, Field(ge=-5, le=5)]


class Rules(_Rule):
    """Synonyms, pinned and hidden documents, and boosts."""

    synonyms: Annotated[tuple[Synonyms, ...], Field(max_length=5000)] = ()
    pins: Annotated[tuple[Pin, ...], Field(max_length=5000)] = ()
    hidden: Annotated[tuple[str, ...], Field(max_length=10_000)] = ()
    boosts: Annotated[tuple[Boost, ...], Field(max_length=20)] = ()

    @classmethod
    def parse(cls, data: bytes, origin: str) -> Self:
        """Read the text of a rules.json that was found at `origin`.

        Raises:
            InvalidRules: it is too large, no JSON, or has a field that is wrong.
        """
        if len(data) > MAX_RULES_BYTES:
            raise InvalidRules(
                f"{origin} has {len(data):,} bytes; {MAX_RULES_BYTES:,} at most, so shorten it"
            )
        try:
            rules = cls.model_validate_json(data)
        except ValidationError as cause:
            error = cause.errors()[0]
            place = ".".join(str(part) for part in error["loc"])
            place = f"{origin}: {place}" if place else origin
            raise InvalidRules(f"{place}: {error['msg']}; see docs/rules.md") from cause
        for number, each in enumerate(rules.synonyms):
            if not each.to and len(each.words) < 2:
                raise InvalidRules(
                    f"{origin}: synonyms.{number}: one word alone has no synonym; "
                    "add another to words, or name what it stands for in to"
                )
        return rules


NO_RULES = Rules.model_construct()
