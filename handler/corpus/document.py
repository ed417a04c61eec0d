"""A document, and how it is stored."""

import json
from dataclasses import dataclass

Value = str | int | float | bool | list[str]


@dataclass(frozen=True, slots=True)
class Document:
    """One thing that can be found: the fields of the corpus, and everything else as metadata."""

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, Value]


def to_json(document: Document) -> str:
    """Render the document as it is stored."""
    fields = [document.id, document.title, document.text, document.url, document.metadata]
    return json.dumps(fields, ensure_ascii=False)
