"""All readers, and which of them reads a source: the first that recognises its first bytes.

To add a kind: write a module like those below, put it where it belongs in `READERS`, and say in
docs/corpora.md what is read. Libraries are imported inside `read`: a run pays only for what it reads.
"""

from collections.abc import Iterator
from typing import Protocol

from handler.corpus.readers import (
    archive,
    asciidoc,
    delimited,
    docx,
    epub,
    excel,
    html,
    json_document,
    json_lines,
    markdown,
    notebook,
    parquet,
    pdf,
    plain,
    restructured,
    sqlite,
    xml_records,
)
from handler.corpus.readers.source import Head, Note, Raw, Source
from handler.errors import UnreadableFile


class Reader(Protocol):
    """A kind of file.

    Attributes:
        NAME: what people call the kind, such as "JSON lines".
        DOCUMENTS: whether the whole source is a document, whose fields have the standard names: id,
            title, text, url. Its id is the name of the source unless the reader gives one. If False,
            the source holds records, whose fields the user names.
    """

    NAME: str
    DOCUMENTS: bool

    def matches(self, head: Head) -> bool:
        """Tell whether a source that begins so is of this kind; no reader before this one took it."""

    def read(self, source: Source) -> Iterator[Raw | Source | Note]:
        """Yield what the source holds, in order and in constant memory: records, or further sources.

        A note, such as Note("encoding", "windows-1252"), comes before the records.

        Raises:
            UnreadableFile: the source can't be read, or not any further; the run goes on without it.
            CorpusError: nothing of the kind can be read, as a library is missing; the run stops.
        """


BOM = b"\xef\xbb\xbf"
EMPTY = "the file is empty"

# Magic numbers first, then structured text, then pages; the order decides.
READERS: tuple[Reader, ...] = (
    parquet,
    sqlite,
    pdf,
    epub,
    docx,
    excel,
    archive,
    xml_records,
    html,
    notebook,
    json_lines,
    json_document,
    delimited,
    markdown,
    restructured,
    asciidoc,
    plain,
)


def reader_of(head: Head) -> Reader:
    """Return the reader for a source that begins so.

    Raises:
        UnreadableFile: there is none.
    """
    if head.whole and not head.data.removeprefix(BOM).strip():
        raise UnreadableFile(EMPTY)
    for reader in READERS:
        if reader.matches(head):
            return reader
    raise UnreadableFile("of no kind that can be read; docs/corpora.md lists the kinds")
