"""AsciiDoc: each file is a document."""

from collections.abc import Iterator

from handler.corpus.readers.source import Head, Note, Raw, Source
from handler.corpus.readers.whole import text_document

NAME = "AsciiDoc"
DOCUMENTS = True
ENDINGS = (".adoc", ".asciidoc", ".asc")


def matches(head: Head) -> bool:
    """Tell whether the ending says so."""
    armor = head.data.startswith(b"-----BEGIN ")  # keys and signatures end in .asc too
    return head.ending in ENDINGS and head.is_text and not armor


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield the document."""
    from handler.corpus.extract.asciidoc import extract_asciidoc

    yield from text_document(source, NAME, extract_asciidoc)
