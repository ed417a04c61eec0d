"""HTML and XHTML: each file is a document, of which the main content is read."""

import codecs
import re
from collections.abc import Iterator

from handler.corpus.readers.source import Head, Note, Raw, Source
from handler.corpus.readers.whole import text_document

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


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield the document."""
    from handler.corpus.extract.html import extract_html

    declared = CHARSET.search(source.head.data)
    yield from text_document(source, NAME, extract_html, _known(declared))


def _known(declared: re.Match[bytes] | None) -> str:
    """Return the encoding that a page declares, if there is one of this name."""
    name = declared[1].decode("ascii", "replace") if declared else ""
    try:
        return codecs.lookup(name).name if name else ""
    except LookupError:
        return ""
