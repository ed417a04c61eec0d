"""How a corpus is to be read, as the user says it; what is not said is found out from the content."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from handler.corpus.bounds import DEFAULT_BOUNDS, Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNames:
    """Which fields of a record are what. An empty name is guessed from the records, see roles.py.

    `text` may name several fields, separated by commas, which are joined as paragraphs.
    """

    id: str = ""
    title: str = ""
    text: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Options of reading. An index version records them: other options mean that all is read again.

    Attributes:
        fields: names of the fields of records.
        types: the type of a metadata field by its name, instead of the inferred one.
        ignore: metadata fields that are left out, nested ones included.
        table: table of a database, or a query that starts with SELECT; empty: the only table.
        vectors: field that holds a vector of each record, taken instead of encoding its text.
        encoding: character encoding of all text files; empty: detected for each.
        base_url: address below which the files of documents are published, see links.py.
        bounds: how much is read.
    """

    fields: FieldNames = field(default_factory=FieldNames)
    types: Mapping[str, str] = field(default_factory=dict)
    ignore: list[str] = field(default_factory=list)
    table: str = ""
    vectors: str = ""
    encoding: str = ""
    base_url: str = ""
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
