"""PDF: each file is a document with pages."""

from collections.abc import Iterator

from handler.corpus.readers.source import Head, Raw, Source
from handler.corpus.readers.whole import needing, raw_document

NAME = "PDF"
DOCUMENTS = True
# The mark may come a little later, as viewers accept it.
MARK_WITHIN = 1024


def matches(head: Head) -> bool:
    """Tell whether it begins as PDF does, or its ending says so."""
    return b"%PDF-" in head.data[:MARK_WITHIN] or head.ending == ".pdf"


def read(source: Source) -> Iterator[Raw]:
    """Yield the document."""
    from handler.corpus.extract.pdf import extract_pdf

    with source.local() as path, needing(source, NAME):
        found = extract_pdf(path)
    yield raw_document(source, found)
