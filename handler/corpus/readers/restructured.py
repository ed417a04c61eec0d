"""reStructuredText: each file is a document."""

import re
from collections.abc import Iterator

from handler.corpus.readers.source import Head, Note, Raw, Source
from handler.corpus.readers.whole import text_document

NAME = "reStructuredText"
DOCUMENTS = True
ENDINGS = (".rst", ".rest")
# Django's documentation, among others, is in files that end in .txt.
DIRECTIVE = re.compile(r"^\.\. (?:[\w:-]+::|_[\w -]+:)(?:[ \t]|$)", re.MULTILINE)
UNDERLINE = re.compile(r"^\S.*\n([=~^*#\"'-])\1{2,}[ \t]*$", re.MULTILINE)


def matches(head: Head) -> bool:
    """Tell whether the ending says so, or a text file has underlined headings and directives."""
    if head.ending == ".txt":
        text = head.text.replace("\r", "")
        return bool(DIRECTIVE.search(text) and UNDERLINE.search(text))
    return head.ending in ENDINGS and head.is_text


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield the document."""
    from handler.corpus.extract.restructured import extract_restructured

    yield from text_document(source, NAME, extract_restructured)
