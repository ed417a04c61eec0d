"""Corpora to documents; what is no document is reported with its place and the reason."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from handler.corpus.decimal_commas import Commas
from handler.corpus.document import Document, Section, Value
from handler.corpus.findings import Findings
from handler.corpus.flatten import as_text, flatten
from handler.corpus.libraries import check_libraries
from handler.corpus.names import corpus_files
from handler.corpus.options import DEFAULT_OPTIONS, ReadOptions
from handler.corpus.readers.registry import Reader, reader_of
from handler.corpus.readers.source import Note, Raw, Source
from handler.corpus.roles import MAX_ID_CHARS, STANDARD_ROLES, Roles, find_roles
from handler.errors import UnreadableFile

BEIR_ID = "_id"
SAMPLE = 200
"""Records of a source that are looked at to find out which field is what."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that is no document: where it stands and why it was left out.

    Line 0 stands for the file: it could not be read, or not to its end.
    """

    source: str
    line: int
    reason: str


class Found(NamedTuple):
    """A document or a reject, its line, and the field that gave the id; empty if that was made up."""

    line: int
    item: Document | Reject
    id_field: str = ""


class FlatRecord(NamedTuple):
    """A record as flat fields, or the reason why there is none, its line, and the sections of its text."""

    line: int
    fields: dict[str, Value] | str
    sections: tuple[Section, ...] = ()


def read_corpus(
    path: Path, options: ReadOptions = DEFAULT_OPTIONS, findings: Findings | None = None
) -> Iterator[Document | Reject]:
    """Yield the documents of a file or a folder in order, and a Reject for each record that is none.

    Of several documents with one id, the first stays. Nothing but ids is held in memory. `findings`
    is told what was found out.

    Raises:
        CorpusError: the path doesn't exist, needs a library that is not installed, or has no field of
            a name that the options give.
    """
    seen: set[bytes] = set()
    findings = findings or Findings()
    files = corpus_files(path)
    names = [file.name if path.is_file() else file.relative_to(path).as_posix() for file in files]
    lenders = (partial(_lent, file) for file in files)
    check_libraries(zip(names, lenders, strict=True))
    for name, file in zip(names, files, strict=True):
        source = Source.of_file(file, name, options, given=path.is_file(), findings=findings)
        for found in read_source(source):
            yield once(found, seen, name)
    findings.check()


def _lent(file: Path) -> AbstractContextManager[Path]:
    return nullcontext(file)


def read_source(source: Source) -> Iterator[Found]:
    """Yield each record of a source as a document, or a Reject.

    What can't be read is one Reject at line 0, in the place where reading stopped.

    Raises:
        CorpusError: a library is missing.
    """
    try:
        reader = reader_of(source.head)
        notes: dict[str, str] = {}
        items = _noted(reader.read(source), notes)
        for item in items:
            if isinstance(item, Source):
                yield from read_source(item)
            else:
                records = chain([item], items)
                yield from _documents(records, reader, source, notes)
    except UnreadableFile as problem:
        yield Found(0, Reject(source.name, 0, str(problem)))


def once(found: Found, seen: set[bytes], source: str) -> Document | Reject:
    """Return the document, or a Reject if its id is among those `seen`, to which it is added.

    An id that no field gave is made of the content; of the place too where that repeats.
    """
    line, item, id_field = found
    if isinstance(item, Reject):
        return item
    key = _short(item.id)
    if key in seen and id_field:
        return Reject(source, line, f"{id_field} {item.id!r} appeared before")
    if key in seen:
        item = replace(item, id=_content_id(item.title, item.text, item.url, source, str(line)))
        key = _short(item.id)
    seen.add(key)
    return item


def has_made_up_id(document: Document) -> bool:
    """Tell whether the id was made of the content."""
    return document.id == _content_id(document.title, document.text, document.url)


def make_document(fields: dict[str, Value], roles: Roles) -> tuple[Document | str, str]:
    """Return the document that flat fields make, or the reason why they don't, and the field of its id.

    The fields are used up: those without a role become the metadata.
    """
    title = _taken(fields, roles.title, " ")
    text = "\n\n".join(filter(None, [_taken(fields, name, "\n\n") for name in roles.text]))
    if not title and not text:
        return _nothing_to_index(fields, roles), ""
    url = _taken(fields, roles.url, " ")
    key, id_field = _id(fields, roles), "" if roles.guessed_id else roles.id
    if not key:
        key, id_field = _content_id(title, text, url), ""
    return Document(id=key, title=title, text=text, url=url, metadata=fields), id_field


def _documents(
    raws: Iterable[Raw], reader: Reader, source: Source, notes: dict[str, str]
) -> Iterator[Found]:
    """Turn the records of a source into documents, after a look at the first ones."""
    flat = (_flat(raw, reader, source) for raw in raws)
    held: list[FlatRecord] = []
    broken: UnreadableFile | None = None
    try:
        for record in flat:
            held.append(record)
            if len(held) == SAMPLE or reader.DOCUMENTS:
                break
    except UnreadableFile as problem:
        broken = problem
    sample = [record.fields for record in held if not isinstance(record.fields, str)]
    roles = _roles(sample, reader, source)
    commas = Commas.of(sample if notes.get("delimiter") == ";" else [])
    kind = ", ".join([reader.NAME, *(f"{name} {value}" for name, value in notes.items())])
    source.findings.kinds[kind] += 1
    missing: set[str] = set()
    if not reader.DOCUMENTS and sample:
        source.findings.roles[roles] += 1
        missing = _missing(roles, sample, source)
    for record in chain(held, () if broken else flat):
        if missing:
            missing -= _present(missing, record, source)
        yield _found(record, roles, commas, source)
    if broken:
        raise broken


def _roles(sample: list[dict[str, Value]], reader: Reader, source: Source) -> Roles:
    if reader.DOCUMENTS:
        return STANDARD_ROLES
    return find_roles(sample, source.options.fields)


def _missing(roles: Roles, sample: Sequence[dict[str, Value]], source: Source) -> set[str]:
    """Note which fields that the user named are in the first records, and return the others."""
    columns = {name: None for fields in sample for name in fields}
    names = source.options.fields
    given = {
        *([roles.id] if names.id else []),
        *([roles.title] if names.title else []),
        *(roles.text if names.text else []),
        *([roles.url] if names.url else []),
        *([source.options.vectors] if source.options.vectors else []),
    }
    objects = {name.partition(".")[0] for name in columns}
    missing = {name for name in given if name not in columns and name not in objects}
    source.findings.present |= given - missing
    for name in missing:
        source.findings.absent.setdefault(name, list(columns))
    return missing


def _present(missing: set[str], record: FlatRecord, source: Source) -> set[str]:
    found = {name for name in missing if name in record.fields}
    source.findings.present |= found
    return found


def _found(record: FlatRecord, roles: Roles, commas: Commas, source: Source) -> Found:
    line, fields, sections = record
    if isinstance(fields, str):
        return Found(line, Reject(source.name, line, fields))
    document, id_field = make_document(commas.replaced(fields), roles)
    if isinstance(document, str):
        return Found(line, Reject(source.name, line, document))
    if sections:
        document = replace(document, sections=sections)
    if roles is STANDARD_ROLES:
        id_field = ""  # Front matter may repeat an id, such as "intro" in each folder.
    return Found(line, document, id_field)


def _noted(items: Iterable[Raw | Source | Note], notes: dict[str, str]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, Note):
            notes[item.name] = item.value
        else:
            yield item


def _flat(raw: Raw, reader: Reader, source: Source) -> FlatRecord:
    if isinstance(raw.fields, str):
        return FlatRecord(raw.line, raw.fields)
    fields = flatten(raw.fields, partial(_dropped, source, raw), markup=not reader.DOCUMENTS)
    if reader.DOCUMENTS:
        fields.setdefault("id", _mended(source.name))
    if source.options.ignore:
        fields = {
            name: value for name, value in fields.items() if not _ignored(name, source.options)
        }
    return FlatRecord(raw.line, fields, raw.sections)


def _dropped(source: Source, raw: Raw, name: str, reason: str) -> None:
    source.findings.drop(name, reason, f"{source.name} line {raw.line}")


def _ignored(name: str, options: ReadOptions) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in options.ignore)


def _taken(fields: dict[str, Value], name: str, separator: str) -> str:
    """Take a field out of `fields`, or those below it if it was an object, and return it as text."""
    if not name:
        return ""
    value = fields.pop(name, None)
    if value is not None:
        return value if type(value) is str else as_text(value, separator)
    below = [each for each in fields if each.startswith(f"{name}.")]
    return separator.join(as_text(fields.pop(each), separator) for each in below)


def _id(fields: dict[str, Value], roles: Roles) -> str:
    """Return an id as text, or nothing if the value is missing or can't be one."""
    value = fields.pop(roles.id, None)
    if type(value) is str and len(value) <= MAX_ID_CHARS:
        return value
    if value is None and roles.id == "id":
        value = fields.pop(BEIR_ID, None)
    if isinstance(value, float) and value == int(value):
        value = int(value)
    if isinstance(value, bool | float | list) or value is None:
        return ""
    return str(value) if len(str(value)) <= MAX_ID_CHARS else ""


def _nothing_to_index(fields: dict[str, Value], roles: Roles) -> str:
    names = [*roles.text, *([roles.title] if roles.title else [])]
    if names:
        return f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} empty or missing"
    if not fields:
        return "no field has a value"
    return (
        f"no field looks like a text or a title; there are: {', '.join(list(fields)[:30])}; "
        "name one with --text-field or --title-field"
    )


def _mended(name: str) -> str:
    """Return the name of a file, which may hold bytes that are no text, as text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _content_id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _short(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=12).digest()
