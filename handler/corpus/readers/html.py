"""HTML and XHTML: each file is a document, of which the main content is read."""

import re
from collections.abc import Iterator

from handler.corpus.readers.source import Head, Raw, Source
from handler.corpus.readers.whole import needing, raw_document, text_of

NAME = "HTML"
DOCUMENTS = True
ENDINGS = (".html", ".htm", ".xhtml", ".shtml")

START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S
)
CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)


def matches(head: Head) -> bool:
    """Tell whether it begins as a page does, whatever its ending, or the ending says so."""
    return bool(START.match(head.text)) or (head.ending in ENDINGS and head.is_text)


def read(source: Source) -> Iterator[Raw]:
    """Yield the document."""
    from handler.corpus.extract.html import extract_html

    declared = CHARSET.search(source.head.data)
    text = text_of(source, declared[1].decode("ascii") if declared else "")
    with needing(source, NAME):
        found = extract_html(text)
    yield raw_document(source, found)
