"""A document, and how it is stored."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

Value = str | int | float | bool | list[str] | list[int] | list[float]

# One encoder for all documents: json.dumps makes a new one for each, and looks for cycles.
encode_json = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One thing that can be found: the fields of the corpus, and everything else as metadata."""

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, Value]

    @classmethod
    def from_stored(cls, values: Sequence[Any]) -> Self:
        """Return the document that `to_json` rendered as these five values."""
        key, title, text, url, metadata = values
        return cls(id=key, title=title, text=text, url=url, metadata=metadata)


def to_json(document: Document) -> str:
    """Render the document as it is stored."""
    fields = [document.id, document.title, document.text, document.url, document.metadata]
    return encode_json(fields)
