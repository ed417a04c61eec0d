"""Plain text: paragraphs, and the chapters of a book."""

import re
from dataclasses import replace

from handler.corpus.extract.anchors import Anchors
from handler.corpus.extract.outline import Extract, Outline

PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
NUMBER = r"(?:\d{1,3}|[IVXLC]{1,8}|[ivxlc]{1,8}|[A-Z]+(?:-[A-Z]+)?|[A-Z][a-z]+(?:-[A-Za-z]+)?)"
# A paragraph of one or two lines that counts a chapter, with or without the chapter's name.
CHAPTER = re.compile(
    r"(?:CHAPTER|Chapter|PART|Part|BOOK|Book|VOLUME|Volume|ACT|Act|SCENE|Scene|KAPITEL|Kapitel|"
    r"CHAPITRE|Chapitre|CAPÍTULO|Capítulo|CAPITOLO|Capitolo)\s+"
    rf"{NUMBER}(?:$|(?:[.:—–-]+\s*|\s+)(?:$|[^a-z\n][^\n]{{0,80}}(?:\n[^\n]{{1,80}})?))"
)
GUTENBERG = re.compile(
    r"^\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG EBOOK[^*]*\*\*\*$"
    r"(.*?)(?:^\*\*\* ?END OF TH(?:E|IS) PROJECT GUTENBERG|\Z)",
    re.MULTILINE | re.DOTALL,
)
NAMED = re.compile(r"^(Title|Author|Language): (.+(?:\n[ \t]+\S.*)*)", re.MULTILINE)
LEVELS = {"volume": 1, "book": 1, "part": 1, "act": 1}


def extract_plain(text: str) -> Extract:
    """Return plain text as it is, with sections where chapters are counted.

    Of a book of Project Gutenberg, its title and author are read, and what is around it is left out.
    """
    book = GUTENBERG.search(text)
    if not book:
        return _extract(text)
    found = _extract(book[1])
    named = {
        name.lower(): " ".join(value.split()) for name, value in NAMED.findall(text[: book.start()])
    }
    fields = {name: named[name] for name in ("author", "language") if name in named}
    return replace(found, title=named.get("title", found.title), fields={**found.fields, **fields})


def _extract(text: str) -> Extract:
    outline, anchors = Outline(), Anchors()
    for paragraph in PARAGRAPH.split(text.strip()):
        if CHAPTER.fullmatch(paragraph):
            heading = " ".join(paragraph.split())
            level = LEVELS.get(heading.split()[0].lower(), 2)
            outline.heading(level + 1, heading, anchors.of(heading))
        else:
            outline.block(paragraph)
    return outline.finish(titled=False)
