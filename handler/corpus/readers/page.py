"""Markdown and plain text: each file is a document."""

import re
from collections.abc import Iterator
from typing import Any

from handler.corpus.bounds import read_whole
from handler.corpus.readers.source import Head, Raw, Source, reading

NAME = "text"
DOCUMENTS = True
ENDINGS = (".md", ".markdown", ".txt")

FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\s*", re.DOTALL | re.MULTILINE)
FRONT_MATTER_LINE = re.compile(
    r"^([A-Za-z_][\w-]*):[ \t]*[\"']?([^\r\n]+?)[\"']?[ \t]*\r?$", re.MULTILINE
)
HEADING = re.compile(r"\A\s*#[ \t]+(.+?)[ \t#]*(?:\r?\n|\Z)")


def matches(head: Head) -> bool:
    """Tell whether the ending says so."""
    return head.ending in ENDINGS and head.is_text


def read(source: Source) -> Iterator[Raw]:
    """Yield the document."""
    with reading(), source.open() as file:
        data = read_whole(file, source.options.bounds)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = data.count(b"\n", 0, cause.start) + 1
        yield Raw(line, f"not UTF-8 at byte {cause.start}")
        return
    fields: dict[str, Any] = {}
    if front := FRONT_MATTER.match(text):
        fields = dict(FRONT_MATTER_LINE.findall(front[1]))
        text = text[front.end() :]
    if heading := HEADING.match(text):
        fields.setdefault("title", heading[1])
        text = text[heading.end() :]
    yield Raw(1, fields | {"text": text})
