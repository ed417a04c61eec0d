"""Plain text with its sections, collected heading by heading and block by block."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handler.corpus.document import SEPARATOR, Section

# A passage carries the headings that it is below: the last ones, and not whole sentences.
MAX_HEADINGS = 3
MAX_HEADING_CHARS = 120
SPACES = re.compile(r"[ \t\xa0\u200b\ufeff]+")
NO_FIELDS: Mapping[str, Any] = {}
BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What was found in one document.

    Attributes:
        title: its title, or nothing.
        text: its plain text, headings on lines of their own, paragraphs with a blank line between.
        sections: the parts of the text that can be linked to.
        fields: everything else that it says about itself.
    """

    title: str
    text: str
    sections: tuple[Section, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


class Outline:
    """Collects headings and blocks in the order of the document."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._blocks: list[str] = []
        self._length = 0
        self._sections: list[tuple[int, int, int, str, str]] = []

    def heading(self, level: int, text: str, anchor: str = "") -> None:
        """Begin a section of a level, from 1; one without text is ignored."""
        if text := one_line(text):
            start = self._append(text)
            self._sections.append((start, self._length, level, text, anchor))

    def page(self, number: int, heading: str = "") -> None:
        """Begin a page, counted from 1; `heading` is that of the pages from here on."""
        start = self._length + 2 if self._blocks else 0
        level = 1 if heading else 0
        self._sections.append((start, start, level, heading, f"page={number}"))

    def block(self, text: str) -> None:
        """Add a paragraph, a list item, a row or a piece of code."""
        if text := text.strip("\n").rstrip():
            self._append(text)

    @property
    def started(self) -> bool:
        """Whether there is any text yet."""
        return bool(self._blocks)

    def finish(
        self, title: str = "", fields: Mapping[str, Any] = NO_FIELDS, *, titled: bool = True
    ) -> Extract:
        """Return what was collected.

        Without a `title`, that is the first heading of level 1, or a heading that comes before all
        text, unless the document is not `titled` by one. A heading that only repeats the title
        leaves the text.
        """
        text = "\n\n".join(self._blocks)
        sections = self._sections
        first = self._title_section(title) if titled else None
        heading = sections[first][3] if first is not None else ""
        title = title or heading
        cut = 0
        if first == 0 and sections[0][0] == 0 and heading.casefold() == title.casefold():
            _, cut, *_ = sections.pop(0)
        elif first is not None:
            start, body, level, heading, anchor = sections[first]
            sections[first] = (start, body, -level, heading, anchor)
        cut = len(text) - len(text[cut:].lstrip())
        return Extract(
            title=one_line(title),
            text=text[cut:].rstrip(),
            sections=tuple(_with_paths(sections, cut)),
            fields=fields,
        )

    def _append(self, text: str) -> int:
        start = self._length + 2 if self._blocks else 0
        self._blocks.append(text)
        self._length = start + len(text)
        return start

    def _title_section(self, title: str) -> int | None:
        """Return the number of the section whose heading is the title."""
        headings = [(n, each) for n, each in enumerate(self._sections) if each[3]]
        if title:
            # The only heading of level 1, above all text, says again what the whole is about.
            first = headings[0] if headings else None
            alone = sum(each[2] == 1 for _, each in headings) == 1
            restated = first and (alone or first[1][3].casefold() == title.casefold())
            return first[0] if first and restated and (first[1][0], first[1][2]) == (0, 1) else None
        if headings and headings[0][1][0] == 0:
            return headings[0][0]
        return next((n for n, each in headings if each[2] == 1), None)


def _with_paths(sections: list[tuple[int, int, int, str, str]], cut: int) -> list[Section]:
    """Return sections with their paths; the title, of a level below 0, is part of no path."""
    found = []
    above: list[tuple[int, str]] = []
    for start, body, level, heading, anchor in sections:
        if heading and level > 0:
            above = [each for each in above if each[0] < level]
            above.append((level, heading[:MAX_HEADING_CHARS]))
        path = SEPARATOR.join(text for _, text in above[-MAX_HEADINGS:]) if level >= 0 else ""
        found.append(Section(max(start - cut, 0), max(body - cut, 0), path, anchor))
    return found


def one_line(text: str) -> str:
    """Return a text with all white space as single spaces."""
    return " ".join(text.split())


def tidy(text: str) -> str:
    """Return a text without trailing spaces, runs of spaces, and more than one blank line."""
    lines = (SPACES.sub(" ", line).strip() for line in text.splitlines())
    return BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
