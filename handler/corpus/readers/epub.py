"""EPUB books: each is a document with chapters."""

from collections.abc import Iterator

from handler.corpus.readers.source import Head, Raw, Source
from handler.corpus.readers.whole import needing, raw_document

NAME = "EPUB"
DOCUMENTS = True
# The first member of the ZIP says what it is.
MARK = b"mimetypeapplication/epub+zip"


def matches(head: Head) -> bool:
    """Tell whether it begins as EPUB does, or its ending says so."""
    return MARK in head.data[:100] or head.ending == ".epub"


def read(source: Source) -> Iterator[Raw]:
    """Yield the document."""
    from handler.corpus.extract.epub import extract_epub

    with source.local() as path, needing(source, NAME):
        found = extract_epub(path)
    yield raw_document(source, found)
