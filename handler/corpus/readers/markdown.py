"""Markdown and MDX: each file is a document."""

from collections.abc import Iterator
from functools import partial

from handler.corpus.readers.source import Head, Note, Raw, Source
from handler.corpus.readers.whole import text_document

NAME = "Markdown"
DOCUMENTS = True
ENDINGS = (".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd")


def matches(head: Head) -> bool:
    """Tell whether the ending says so."""
    return head.ending in ENDINGS and head.is_text


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield the document."""
    from handler.corpus.extract.markdown import extract_markdown

    extract = partial(extract_markdown, mdx=source.head.ending == ".mdx")
    yield from text_document(source, NAME, extract)
