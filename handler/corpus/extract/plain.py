"""Plain text: paragraphs, and the chapters of a book."""

import re

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
LEVELS = {"volume": 1, "book": 1, "part": 1, "act": 1}


def extract_plain(text: str) -> Extract:
    """Return plain text as it is, with sections where chapters are counted."""
    outline, anchors = Outline(), Anchors()
    for paragraph in PARAGRAPH.split(text.strip()):
        if CHAPTER.fullmatch(paragraph):
            heading = " ".join(paragraph.split())
            level = LEVELS.get(heading.split()[0].lower(), 2)
            outline.heading(level + 1, heading, anchors.of(heading))
        else:
            outline.block(paragraph)
    return outline.finish(titled=False)
