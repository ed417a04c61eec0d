"""Plain text: each file is a document."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from handler.corpus.extract.plain import extract_plain
from handler.corpus.readers.source import Head, Note, Raw, Source
from handler.corpus.readers.whole import text_document

NAME = "text"
DOCUMENTS = True
ENDINGS = (".txt", ".text")
# Files without an ending that are no prose.
PROGRAMS = {
    "makefile",
    "dockerfile",
    "gemfile",
    "rakefile",
    "procfile",
    "vagrantfile",
    "jenkinsfile",
}


def matches(head: Head) -> bool:
    """Tell whether the ending says so, or there is none; a file that is named may have any."""
    if not head.is_text or not head.data.strip():
        return False
    name = PurePosixPath(head.name).name.lower()
    return head.ending in ENDINGS or head.given or (not head.ending and name not in PROGRAMS)


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield the document."""
    yield from text_document(source, NAME, extract_plain)
