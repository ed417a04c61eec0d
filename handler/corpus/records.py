"""Corpora to documents; what is no document is reported with its place and the reason."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from handler.corpus.bounds import DEFAULT_BOUNDS, Bounds
from handler.corpus.document import Document
from handler.corpus.formats import Record, corpus_files, is_page, read_records, typed_cell

MAX_ID_CHARS = 512
INT64 = range(-(2**63), 2**63)
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that is no document: where it stands and why it was left out."""

    source: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNames:
    """Names that the corpus uses for the fields of a document; BEIR's _id is read as id too."""

    id: str = "id"
    title: str = "title"
    text: str = "text"
    url: str = "url"


DEFAULT_FIELDS = FieldNames()


def read_corpus(
    path: Path, names: FieldNames = DEFAULT_FIELDS, bounds: Bounds = DEFAULT_BOUNDS
) -> Iterator[Document | Reject]:
    """Yield the documents of a file or a folder in order, and a Reject for each record that is none.

    Of several documents with one id, the first stays. Nothing but ids is held in memory.

    Raises:
        CorpusError: the path doesn't exist, can't be read, or isn't of a known kind.
    """
    seen: set[bytes] = set()
    for file in corpus_files(path):
        source = file.name if path.is_file() else file.relative_to(path).as_posix()
        for line, item in read_file(file, source, names, bounds):
            yield once(item, seen, source, line)


def read_file(
    file: Path,
    source: str,
    names: FieldNames = DEFAULT_FIELDS,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> Iterator[tuple[int, Document | Reject]]:
    """Yield line and document of each record of one file, or a Reject; `source` is what the corpus calls the file.

    Raises:
        CorpusError: the file can't be read, or isn't of a known kind.
    """
    for line, record in read_records(file, bounds):
        result = _file_document(file, source, record, names)
        yield line, Reject(source, line, result) if isinstance(result, str) else result


def once(item: Document | Reject, seen: set[bytes], source: str, line: int) -> Document | Reject:
    """Return `item`, or a Reject if its id is among those `seen`, to which it is added."""
    if isinstance(item, Reject):
        return item
    key = hashlib.blake2b(item.id.encode(), digest_size=12).digest()
    if key in seen:
        return Reject(source, line, f"id {item.id!r} appeared before")
    seen.add(key)
    return item


def _file_document(file: Path, source: str, record: Record, names: FieldNames) -> Document | str:
    if isinstance(record, str):
        return record
    if is_page(file):
        record, names = {"id": source} | dict(record), DEFAULT_FIELDS
    if is_page(file) or file.name.removesuffix(".gz").lower().endswith(".csv"):
        fixed = {names.id, names.title, names.text, names.url, "_id"}
        record = {
            name: cell if name in fixed else typed_cell(cell) for name, cell in record.items()
        }
    return to_document(record, names)


def to_document(record: Mapping[str, Any], names: FieldNames = DEFAULT_FIELDS) -> Document | str:
    """Turn one record into a document, or say why it can't be one."""
    if _has_surrogates(record):
        return r"holds half of a surrogate pair (\ud800 to \udfff), which is not text"
    key = record.get(names.id, record.get("_id"))
    if isinstance(key, bool) or not isinstance(key, str | int | None):
        return f"{names.id} is {_kind(key)}, not text or a whole number"
    if len(str(key)) > MAX_ID_CHARS:
        return f"{names.id} has {len(str(key))} characters, {MAX_ID_CHARS} at most"
    parts = [record.get(name) for name in (names.title, names.text, names.url)]
    for name, value in zip((names.title, names.text, names.url), parts, strict=True):
        if not isinstance(value, str | None):
            return f"{name} is {_kind(value)}, not text"
    title, text, url = ((value or "").strip() for value in parts)
    if not title and not text:
        return f"{names.text} and {names.title} are empty or missing"
    if key in (None, ""):
        key = hashlib.sha256(f"{title}\0{text}\0{url}".encode()).hexdigest()[:16]
    metadata = {}
    for name in record.keys() - {names.id, names.title, names.text, names.url, "_id"}:
        value = record[name]
        if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
            value = [str(item) for item in value]
        elif not _is_scalar(value):
            return (
                f"{name} is {_kind(value)}, not text, a number, true or false, or a list of texts"
            )
        metadata[name] = value
    return Document(
        id=str(key),
        title=title,
        text=text,
        url=url,
        metadata={k: metadata[k] for k in record if metadata.get(k) is not None},
    )


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value in INT64 if isinstance(value, int) else isinstance(value, str | None)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number" if abs(value) < 2**63 else "out of range"
    return {"list": "a list", "dict": "an object"}.get(type(value).__name__, type(value).__name__)


def _has_surrogates(record: Mapping[str, Any]) -> bool:
    """Look at names, texts and lists of texts; what is nested deeper is refused anyway."""
    lists = (value if isinstance(value, list) else [value] for value in record.values())
    texts = (item for item in chain(record, *lists) if isinstance(item, str))
    return any(not text.isascii() and SURROGATE.search(text) for text in texts)
