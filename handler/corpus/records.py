"""Corpora to documents; what is no document is reported with its place and the reason."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from handler.corpus.document import Document
from handler.corpus.names import corpus_files
from handler.corpus.options import DEFAULT_FIELDS, DEFAULT_OPTIONS, FieldNames, ReadOptions
from handler.corpus.readers import delimited
from handler.corpus.readers.registry import Reader, reader_of
from handler.corpus.readers.source import Raw, Source
from handler.errors import UnreadableFile

MAX_ID_CHARS = 512
INT64 = range(-(2**63), 2**63)
SURROGATE = re.compile("[\ud800-\udfff]")
NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(\.\d+)?(?:[eE][-+]?\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that is no document: where it stands and why it was left out.

    Line 0 stands for the file: it could not be read, or not to its end.
    """

    source: str
    line: int
    reason: str


def read_corpus(path: Path, options: ReadOptions = DEFAULT_OPTIONS) -> Iterator[Document | Reject]:
    """Yield the documents of a file or a folder in order, and a Reject for each record that is none.

    Of several documents with one id, the first stays. Nothing but ids is held in memory.

    Raises:
        CorpusError: the path doesn't exist, or needs a library that is not installed.
    """
    seen: set[bytes] = set()
    for file in corpus_files(path):
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        source = Source.of_file(file, name, options, given=path.is_file())
        for line, item in read_source(source):
            yield once(item, seen, name, line)


def read_source(source: Source) -> Iterator[tuple[int, Document | Reject]]:
    """Yield line and document of each record of a source, or a Reject.

    What can't be read is one Reject at line 0, in the place where reading stopped.

    Raises:
        CorpusError: a library is missing.
    """
    try:
        reader = reader_of(source.head)
        for item in reader.read(source):
            if isinstance(item, Source):
                yield from read_source(item)
                continue
            result = _document(item, reader, source)
            if isinstance(result, str):
                yield item.line, Reject(source.name, item.line, result)
            else:
                yield item.line, result
    except UnreadableFile as problem:
        yield 0, Reject(source.name, 0, str(problem))


def once(item: Document | Reject, seen: set[bytes], source: str, line: int) -> Document | Reject:
    """Return `item`, or a Reject if its id is among those `seen`, to which it is added."""
    if isinstance(item, Reject):
        return item
    key = hashlib.blake2b(item.id.encode(), digest_size=12).digest()
    if key in seen:
        return Reject(source, line, f"id {item.id!r} appeared before")
    seen.add(key)
    return item


def typed_cell(text: str) -> str | int | float | bool:
    """Read a cell as the number or truth value that it spells; numbers with leading zeros stay text."""
    if match := NUMBER.fullmatch(text):
        return float(text) if match[1] or "e" in text.lower() else int(text)
    return {"true": True, "false": False}.get(text.lower(), text)


def _document(raw: Raw, reader: Reader, source: Source) -> Document | str:
    fields, names = raw.fields, source.options.fields
    if isinstance(fields, str):
        return fields
    if reader.DOCUMENTS:
        fields, names = {"id": source.name} | dict(fields), DEFAULT_FIELDS
    if reader.DOCUMENTS or reader.NAME == delimited.NAME:
        fixed = {names.id, names.title, names.text, names.url, "_id"}
        fields = {
            name: typed_cell(cell) if isinstance(cell, str) and name not in fixed else cell
            for name, cell in fields.items()
        }
    document = to_document(fields, names)
    if isinstance(document, str) or not raw.sections:
        return document
    return replace(document, sections=raw.sections)


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
