"""Word documents (.docx)."""

from collections.abc import Iterator

from handler.corpus.readers.source import Head, Raw, Source
from handler.corpus.readers.whole import needing, raw_document
from handler.errors import UnreadableFile

NAME = "Word document"
DOCUMENTS = True
ZIP = b"PK\x03\x04"
# The container of encrypted documents, and of what Word wrote before 2007.
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def matches(head: Head) -> bool:
    """Tell whether it is a ZIP with Word's parts, or the ending says so."""
    parts = head.data.startswith(ZIP) and b"word/document.xml" in head.data
    return parts or head.ending in (".docx", ".docm", ".doc")


def read(source: Source) -> Iterator[Raw]:
    """Yield the document."""
    from handler.corpus.extract.docx import extract_docx

    if source.head.data.startswith(OLE):
        raise UnreadableFile(
            "an encrypted Word document, or one from before 2007; save it as .docx without a password"
        )
    with source.local() as path, needing(source, f"a {NAME}"):
        found = extract_docx(path)
    yield raw_document(source, found)
