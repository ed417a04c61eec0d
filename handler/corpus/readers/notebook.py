"""Jupyter notebooks: each file is a document."""

import re
from collections.abc import Iterator

from handler.corpus.readers.source import Head, Note, Raw, Source
from handler.corpus.readers.whole import text_document

NAME = "notebook"
DOCUMENTS = True
CELLS = re.compile(
    r'\s*\{\s*"(?:cells|metadata|nbformat|worksheets)"\s*:.*"cell_type"\s*:', re.DOTALL
)


def matches(head: Head) -> bool:
    """Tell whether it begins as a notebook does, or its ending says so."""
    return head.ending == ".ipynb" or bool(CELLS.match(head.text))


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield the document."""
    from handler.corpus.extract.notebook import extract_notebook

    yield from text_document(source, NAME, extract_notebook)
