"""The vectors of a version as S3 Vectors keeps them: keys, metadata, windows of versions."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from handler.corpus.document import Document, to_json
from handler.corpus.schema import Field, Schema, date_number
from handler.errors import InvalidRequest
from handler.index.arrays import Rows
from handler.index.index_version import IndexVersion
from handler.index.text_writer import field_name, searchable

PASSAGES = 4096
"""Passages of one document at most; a passage's number is its document's row times this, and on."""
OPEN = 2**53
"""End of the window of what no version has lost yet."""
MOST_FILTERABLE = 2048
MOST_SOURCE = 36_000
"""Bytes of a stored document; a vector's metadata have 40 KB in all."""
SHOWN = ["text", "source", "start", "end"]
"""Metadata that no filter reads. The service finds words in `text`."""


def key_of(passage: int) -> str:
    """Return the key of a passage: its document's row, and its place there."""
    row, place = divmod(passage, PASSAGES)
    return f"{row}.{place}"


def passage_of(key: str) -> int:
    """Return the number of a passage by its key."""
    row, _, place = key.partition(".")
    return int(row) * PASSAGES + int(place)


def entries(index: IndexVersion, rows: Rows, sequence: int) -> Iterator[dict[str, Any]]:
    """Yield the vectors of documents that are new in a version.

    Raises:
        InvalidRequest: a document has too many passages, or too much to filter by.
    """
    for row, document in zip(rows.tolist(), index.documents_at(rows), strict=True):
        passages = index.passages_of(np.array([row]))
        if len(passages) > PASSAGES:
            raise InvalidRequest(
                f"document {document.id!r} has {len(passages)} passages, S3 Vectors keeps "
                f"{PASSAGES}; split it"
            )
        common = {
            "row": row,
            "id": document.id,
            "from": sequence,
            "to": OPEN,
            "passages": len(passages),
            **fields_of(index.manifest.schema, document),
        }
        if len(json.dumps(common, ensure_ascii=False).encode()) > MOST_FILTERABLE:
            raise InvalidRequest(
                f"document {document.id!r} has more than {MOST_FILTERABLE} bytes of metadata to "
                "filter by; ignore some of its fields"
            )
        vectors = _unit(index.vectors_of(passages))
        for place, passage in enumerate(passages.tolist()):
            start, end = index.span(passage)
            shown = {"start": start, "end": end, "text": _words(document, start, end, place)}
            if not place:
                shown["source"] = _source(document)
            yield {
                "key": f"{row}.{place}",
                "data": {"float32": vectors[place].tolist()},
                "metadata": {**common, **shown},
            }


def _words(document: Document, start: int, end: int, place: int) -> str:
    """Return the words by which a passage is found; the first has those of the metadata, too."""
    text = document.text[start:end]
    if place:
        return text
    others = searchable(document).replace(document.text, "", 1) if document.text else ""
    return f"{others[:1000]} {text}".strip() or document.id


def _source(document: Document) -> str:
    """Return the stored document, its text cut where it is too long for the service."""
    whole = to_json(document)
    if len(whole.encode()) <= MOST_SOURCE:
        return whole
    bare = replace(document, text="", sections=())
    room = MOST_SOURCE - len(to_json(bare).encode())
    text = document.text.encode()[: max(room // 2, 0)].decode(errors="ignore")
    return to_json(replace(bare, text=text))


def fields_of(schema: Schema, document: Document) -> dict[str, Any]:
    """Return the metadata of a document that filters read, by the names that they have there."""
    found = {}
    for name, field in schema.items():
        value = document.metadata.get(name)
        if field.kind == "text" or value is None or value == []:
            continue
        items = [_typed(field, each) for each in (value if isinstance(value, list) else [value])]
        found[field_name(schema, name)] = items if field.list else items[0]
    return found


def _typed(field: Field, value: Any) -> Any:
    if field.kind == "date":
        return date_number(str(value))
    if field.kind == "string":
        return value if isinstance(value, str) else json.dumps(value)
    return {"integer": int, "float": float, "boolean": bool}[field.kind](value)


def _unit(vectors: Any) -> Any:
    lengths = np.maximum(np.linalg.norm(vectors.astype(np.float32), axis=1, keepdims=True), 1e-9)
    return vectors.astype(np.float32) / lengths
