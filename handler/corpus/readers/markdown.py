"""Markdown and MDX: each file is a document."""

from collections.abc import Iterator

from handler.corpus.readers.source import Head, Raw, Source
from handler.corpus.readers.whole import raw_document, text_of

NAME = "Markdown"
DOCUMENTS = True
ENDINGS = (".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd")


def matches(head: Head) -> bool:
    """Tell whether the ending says so."""
    return head.ending in ENDINGS and head.is_text


def read(source: Source) -> Iterator[Raw]:
    """Yield the document."""
    from handler.corpus.extract.markdown import extract_markdown

    mdx = source.head.ending == ".mdx"
    yield raw_document(source, extract_markdown(text_of(source), mdx=mdx))
