"""JSON that is not lines: an array of records, an object that holds one, or records one after the other."""

import json
import re
from collections.abc import Generator, Iterator, Mapping
from itertools import chain

from handler.corpus.readers.json_stream import JsonStream
from handler.corpus.readers.source import Head, Note, Raw, Source, reading
from handler.corpus.readers.text import encoding_of, head_text, open_text, shown
from handler.corpus.roles import is_text_name

NAME = "JSON"
DOCUMENTS = False
ENDINGS = (".json", ".geojson", ".jsonld")
BEGIN = re.compile(r'\s*(?:\[\s*(?:\{|\]|$)|\{\s*(?:"|\}|$))')
# What arrays of records are called beside the title and the description of the whole.
COLLECTIONS = {
    *(
        "@graph",
        "items",
        "data",
        "results",
        "records",
        "docs",
        "documents",
        "rows",
        "entries",
        "hits",
    ),
    *("products", "books", "articles", "posts", "features", "list", "value", "values", "result"),
}
WRAPPERS = {"response", "data", "hits", "result", "results", "feed", "channel", "body", "_embedded"}
MAX_DEPTH = 4
KEYED_SAMPLE = 100


def matches(head: Head) -> bool:
    """Tell whether it begins as an array of objects or an object, or the ending says so."""
    if head.ending in ENDINGS:
        return head.is_text
    return BEGIN.match(head.text) is not None


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield the records, with their numbers from 1."""
    encoding = encoding_of(source)
    if shown(encoding) != "UTF-8":
        yield Note("encoding", shown(encoding))
    known = _field_names(head_text(source.head, encoding)) if source.head.whole else set()
    with reading(), open_text(source, encoding) as file:
        stream = JsonStream(file, source.options.bounds.record_bytes)
        number = 0
        for item in _array(stream) if stream.peek() == "[" else _objects(stream, known):
            if isinstance(item, Note):
                yield item
                continue
            number += 1
            # An array may hold texts alone.
            record = {"text": item} if isinstance(item, str) else item
            yield Raw(number, record if isinstance(record, Mapping) else "not a JSON object")


def _array(stream: JsonStream) -> Iterator[object]:
    """Yield the values of the array that comes next."""
    stream.skip("[")
    if stream.peek() == "]":
        stream.skip("]")
        return
    while True:
        yield stream.value()
        if stream.skip(",]") == "]":
            return


def _objects(stream: JsonStream, known: set[str]) -> Iterator[object]:
    """Yield the objects that come next; of one that holds an array of records, the records."""
    while stream.peek():
        fields = yield from _object(stream, known, 0)
        if fields is not None:
            yield from _keyed(fields) or [fields]
        if stream.peek() == ",":
            stream.skip(",")


def _object(
    stream: JsonStream, known: set[str], depth: int
) -> Generator[object, None, dict[str, object] | None]:
    """Yield the records of the array that an object holds, or else return the object."""
    fields: dict[str, object] = {}
    found = keyed = False
    stream.skip("{")
    while stream.peek() != "}":
        name = str(stream.value())
        stream.skip(":")
        if keyed:
            yield _with_id(name, stream.value())
            if stream.peek() == ",":
                stream.skip(",")
            continue
        begins = stream.peek()
        if begins == "[" and not found and _may_hold_records(name, known | set(fields)):
            items = _array(stream)
            first = next(items, None)
            if isinstance(first, Mapping):
                found = True
                yield Note("records in", name)
                yield from chain([first], items)
            else:
                fields[name] = list(items) if first is None else [first, *items]
        elif begins == "{" and not found and depth < MAX_DEPTH and name.lower() in WRAPPERS:
            inner = yield from _object(stream, set(), depth + 1)
            found = inner is None
            fields[name] = inner
        else:
            fields[name] = stream.value()
            if depth == 0 and not found and len(fields) == KEYED_SAMPLE:
                # So many records by their ids: the rest need not be held.
                records = _keyed(fields)
                found = keyed = bool(records)
                yield from records
        if stream.peek() == ",":
            stream.skip(",")
    stream.skip("}")
    return None if found else fields


def _keyed(fields: dict[str, object]) -> list[object]:
    """Return the records of an object whose fields are their ids, or nothing if it is a record itself."""
    records = [value for value in fields.values() if isinstance(value, dict)]
    if not len(records) == len(fields) > 1:
        return []
    common = set[str].intersection(*map(set, records))
    alike = len(common) > 1 or all(common == set(record) for record in records)
    if alike and any(map(is_text_name, common)):
        return [_with_id(key, record) for key, record in fields.items()]
    # Columns, as pandas writes a table: each with its values by the numbers of the rows.
    rows = list(records[0])
    numbered = all(map(str.isdigit, rows)) and all(list(record) == rows for record in records)
    if not numbered or not any(map(is_text_name, fields)):
        return []
    return [
        {name: column[row] for name, column in zip(fields, records, strict=True)} for row in rows
    ]


def _with_id(key: str, value: object) -> object:
    return {"id": key, **value} if isinstance(value, dict) else value


def _may_hold_records(name: str, others: set[str]) -> bool:
    """Tell whether an array is the content of an object, and not a field of the record that it is."""
    return name.lower() in COLLECTIONS or not any(map(is_text_name, others))


def _field_names(text: str) -> set[str]:
    """Return the names of an object's plain fields, or none if the text is not one object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    plain = found.items() if isinstance(found, dict) else ()
    return {name for name, value in plain if not isinstance(value, list | dict)}
