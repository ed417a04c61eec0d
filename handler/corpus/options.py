"""How a corpus is to be read, as the user says it; what is not said is found out from the content."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from handler.corpus.bounds import DEFAULT_BOUNDS, Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNames:
    """Names that the corpus uses for the fields of a document; BEIR's _id is read as id too."""

    id: str = "id"
    title: str = "title"
    text: str = "text"
    url: str = "url"


DEFAULT_FIELDS = FieldNames()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Options of reading. An index version records them: other options mean that all is read again.

    Attributes:
        fields: names of the fields of records.
        encoding: character encoding of all text files; empty: detected for each.
        bounds: how much is read.
    """

    fields: FieldNames = field(default_factory=FieldNames)
    encoding: str = ""
    bounds: Bounds = DEFAULT_BOUNDS

    @classmethod
    def from_stored(cls, values: Mapping[str, Any]) -> Self:
        """Return the options that `dataclasses.asdict` rendered."""
        nested = {
            "fields": FieldNames(**values["fields"]),
            "bounds": Bounds(**values.get("bounds", {})),
        }
        return cls(**{**values, **nested})


DEFAULT_OPTIONS = ReadOptions()
