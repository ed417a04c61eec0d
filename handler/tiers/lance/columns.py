"""The columns of the two datasets, and their rows from those of a version."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from handler.corpus.document import Document, Value, to_json
from handler.corpus.schema import Field, Schema, date_number
from handler.index.analysis import spaced
from handler.index.arrays import Rows
from handler.index.index_version import IndexVersion
from handler.index.names import camel_parts
from handler.index.text_writer import field_name, searchable
from handler.index.words import Words
from handler.tiers.lance.datasets import arrow

CHUNK = 20_000
"""Documents of one fragment."""

TYPES = {
    "integer": arrow.int64(),
    "date": arrow.int64(),
    "float": arrow.float64(),
    "boolean": arrow.bool_(),
    "string": arrow.string(),
}


def chunks(rows: Rows) -> Iterator[Rows]:
    """Yield the rows of one fragment after the other."""
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def document_table(index: IndexVersion, rows: Rows) -> Any:
    """Return the rows of the dataset of documents.

    `stems` and `title` have the words as our own analysis leaves them, separated by spaces: Lance
    splits them there and does nothing else, so that a word means the same in every engine.
    """
    documents = index.documents_at(rows)
    words = Words(index.manifest.language)
    columns = {
        "row": arrow.array(rows, arrow.int64()),
        "id": arrow.array([each.id for each in documents], arrow.string()),
        "stems": arrow.array([_stems(words, searchable(each)) for each in documents]),
        "title": arrow.array([_stems(words, each.title) for each in documents]),
        "source": arrow.array([to_json(each) for each in documents], arrow.large_string()),
        **_fields(index.manifest.schema, documents),
    }
    return arrow.table(columns)


def passage_table(index: IndexVersion, rows: Rows) -> Any:
    """Return the rows of the dataset of passages, of the documents at `rows`."""
    passages = index.passages_of(rows)
    vectors = index.vectors_of(passages).astype(np.float16)
    spans = index.passages[passages]
    owners = index.owners[passages]
    documents = dict(zip(rows.tolist(), index.documents_at(rows), strict=True))
    of_passages = [documents[row] for row in owners.tolist()]
    columns = {
        "row": arrow.array(passages, arrow.int64()),
        "document": arrow.array(owners, arrow.int64()),
        "id": arrow.array([each.id for each in of_passages], arrow.string()),
        "start": arrow.array(spans["start"].astype(np.int64)),
        "end": arrow.array(spans["end"].astype(np.int64)),
        "vector": arrow.FixedSizeListArray.from_arrays(
            arrow.array(vectors.reshape(-1)), vectors.shape[1]
        ),
        **_fields(index.manifest.schema, of_passages),
    }
    return arrow.table(columns)


def _stems(words: Words, text: str) -> str:
    parts = [spaced(text), *camel_parts(text)]
    return " ".join(stem for part in parts for stem in words.words.analyze(part))


def _fields(schema: Schema, documents: list[Document]) -> dict[str, Any]:
    columns = {}
    for name, field in schema.items():
        if field.kind == "text":
            continue
        kind = arrow.list_(TYPES[field.kind]) if field.list else TYPES[field.kind]
        values = [_value(field, each.metadata.get(name)) for each in documents]
        columns[field_name(schema, name)] = arrow.array(values, kind)
    return columns


def _value(field: Field, value: Value | None) -> Any:
    if value is None or value == []:
        return None
    items = [_typed(field, each) for each in (value if isinstance(value, list) else [value])]
    return items if field.list else items[0]


def _typed(field: Field, value: Any) -> Any:
    if field.kind == "date":
        return date_number(str(value))
    if field.kind == "string":
        return value if isinstance(value, str) else json.dumps(value)
    return {"integer": int, "float": float, "boolean": bool}[field.kind](value)
