"""AsciiDoc to plain text and sections.

Read here, line by line: its reference parser is written in Ruby, and those in Python are unmaintained
or run commands that a document names.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from handler.corpus.extract.anchors import Anchors
from handler.corpus.extract.asciidoc_inline import plain_inline
from handler.corpus.extract.front_matter import split_front_matter
from handler.corpus.extract.outline import Extract, Outline, one_line, tidy

TITLE = re.compile(r"^(={1,6}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+\1)?[ \t]*$")
UNDERLINE = {"=": 1, "-": 2, "~": 3, "^": 4, "+": 5}
ATTRIBUTE = re.compile(r"^:!?([\w-]+)!?:(?:[ \t]+(.*))?$")
ANCHOR_LINE = re.compile(r"^\[\[([\w:.-]+)[^\]]*\]\]$|^\[[^\]#]*#([\w:.-]+)[^\]]*\]$")
INLINE_ANCHOR = re.compile(r"\[\[([\w:.-]+)[^\]]*\]\]")
BLOCK_ATTRIBUTES = re.compile(r"^\[(?!\[)[^\]]*\]$")
BLOCK_TITLE = re.compile(r"^\.(?![\s.])(.+)$")
BLOCK_MACRO = re.compile(r"^(?:image|video|audio|toc|include|ifdef|ifndef|ifeval|endif)::.*$")
ONE_LINE_CONDITION = re.compile(r"^ifn?def::[^\[]*\[(.+)\]$")
AUTHOR = re.compile(r"^[\w.'-]+(?: [\w.'-]+){0,3}(?: <[^<>]+>)?(?:; .*)?$")
REVISION = re.compile(r"^(?:v?\d[\w.]*)?,?\s*(\d{4}-\d{2}-\d{2})?(?::.*)?$")
# What a block between two equal lines holds: code, nothing that is shown, or text.
CODE = re.compile(r"^(-{4,}|\.{4,}|```+)(?:[\w-]+)?$")
SILENT = re.compile(r"^(\+{4,}|/{4,})$")
FRAME = re.compile(r"^(?:={4,}|\*{4,}|_{4,}|--|'''+|<<<+|\+|\*\*\*|---)$")
TABLE = re.compile(r"^[|,:!]={3,}$")
CELL = re.compile(r"(?:^|[ \t]|(?<=[|]))(?:\d+(?:\.\d+)?[+*])?[<^>.]*[aehlmsdv]?\|")
ITEM = re.compile(
    r"^[ \t]*(?:\*{1,5}|-|\.{1,5}|\d+\.|[a-zA-Z]\.|<(?:\d+|\.)>)[ \t]+(?:\[[ x*]\][ \t]+)?(\S.*)$"
)
TERM = re.compile(r"^[ \t]*(\S.*?)(?:::+|;;)(?:[ \t]+(\S.*))?$")
ADMONITION = re.compile(r"^(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION):[ \t]+")


def extract_asciidoc(text: str) -> Extract:
    """Return the plain text, title, sections and attributes of a document; nothing is included.

    Anchors are those that a document gives, or as Asciidoctor makes them.
    """
    fields, text = split_front_matter(text)
    found = _Reader(text.split("\n"), fields).read()
    return replace(found, title=one_line(str(fields["title"]))) if "title" in fields else found


class _Reader:
    """Reads lines one after the other."""

    def __init__(self, lines: list[str], fields: Mapping[str, Any]) -> None:
        self._lines = [line.rstrip() for line in lines]
        self._at = 0
        self._outline = Outline()
        self._attributes: dict[str, str] = {}
        self._fields = {name: value for name, value in fields.items() if name != "title"}
        self._anchors = Anchors()
        self._anchor = ""
        self._paragraph: list[str] = []

    def read(self) -> Extract:
        self._header()
        while self._at < len(self._lines):
            line = self._next()
            if not (self._title(line) or self._block(line) or self._silent(line)):
                self._text(line)
        self._flush()
        for name in ("author", "description", "keywords", "date"):
            value = self._attributes.get("revdate" if name == "date" else name)
            if value:
                self._fields.setdefault(
                    name, self._keywords(value) if name == "keywords" else value
                )
        return self._outline.finish(fields=self._fields)

    def _keywords(self, value: str) -> list[str]:
        return [word.strip() for word in value.split(",") if word.strip()]

    def _next(self) -> str:
        line = self._lines[self._at]
        self._at += 1
        return line

    def _header(self) -> None:
        """Read the title, and the author and revision below it."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not (line == "" or line.startswith("//") or self._is_attribute(line)):
                break
            self._at += 1
        if self._at == len(self._lines) or not self._title(self._next()):
            self._at = max(self._at - 1, 0) if self._at else 0
            return
        if self._at < len(self._lines) and AUTHOR.match(self._lines[self._at]):
            self._fields["author"] = one_line(re.sub(r"<[^<>]*>", "", self._next()))
            line = self._lines[self._at] if self._at < len(self._lines) else ""
            if line and (revision := REVISION.match(line)):
                self._at += 1
                if revision[1]:
                    self._fields["date"] = revision[1]

    def _is_attribute(self, line: str) -> bool:
        match = ATTRIBUTE.match(line)
        if match:
            self._attributes[match[1].lower()] = plain_inline(match[2] or "", self._attributes)
        return bool(match)

    def _title(self, line: str) -> bool:
        """Take a heading, on one line or underlined."""
        level = 0
        if self._paragraph:
            return False
        if match := TITLE.match(line):
            level, text = len(match[1]), match[2]
        elif self._is_underlined(line):
            level, text = UNDERLINE[self._next()[0]], line
        if not level:
            return False
        self._flush()
        inner = INLINE_ANCHOR.search(text)
        shown = one_line(self._inline(text))
        made = "_" + re.sub(r"[^\w]+", "_", self._anchors.of(shown)).strip("_")
        self._outline.heading(level, shown, (inner[1] if inner else self._anchor) or made)
        self._anchor = ""
        return True

    def _is_underlined(self, line: str) -> bool:
        below = self._lines[self._at] if self._at < len(self._lines) else ""
        alike = below[:1] in UNDERLINE and below == below[:1] * len(below) and len(below) > 3
        fits = abs(len(below) - len(line)) <= 2 and line[:1].isalnum()
        return bool(alike and fits)

    def _block(self, line: str) -> bool:
        """Take a block of code, a table, or one that is not shown."""
        code, silent = CODE.match(line), SILENT.match(line)
        if not (code or silent or TABLE.match(line)):
            return False
        self._flush()
        end = code[1] if code else line
        inner: list[str] = []
        while self._at < len(self._lines) and (inside := self._next()) != end:
            inner.append(inside)
        if code:
            callouts = re.compile(r"[ \t]*(?:(?://|#|;;)[ \t]*)?<(?:\d+|\.)>$")
            self._outline.block(
                "\n".join(callouts.sub("", each) for each in inner if not BLOCK_MACRO.match(each))
            )
        elif not silent:
            self._table(inner)
        return True

    def _table(self, lines: list[str]) -> None:
        for line in lines:
            cells = [one_line(self._inline(cell)) for cell in CELL.split(line)]
            self._outline.block(" | ".join(cell for cell in cells if cell))

    def _silent(self, line: str) -> bool:
        """Take a line that only says something about others."""
        if not line:
            self._flush()
            return True
        if match := ANCHOR_LINE.match(line):
            self._anchor = match[1] or match[2]
        elif match := ONE_LINE_CONDITION.match(line):
            self._paragraph.append(match[1])
        elif BLOCK_MACRO.match(line) or line.startswith("//") or self._is_attribute(line):
            pass
        elif FRAME.match(line) or BLOCK_ATTRIBUTES.match(line):
            self._flush()
        else:
            return False
        return True

    def _text(self, line: str) -> None:
        """Take a line of a paragraph, a list, or a title of a block."""
        if match := ITEM.match(line):
            self._flush()
            self._paragraph.append(match[1])
        elif not self._paragraph and (match := BLOCK_TITLE.match(line)):
            self._outline.block(self._inline(match[1]))
        elif match := TERM.match(line):
            self._flush()
            self._outline.block(self._inline(match[1]))
            self._paragraph += [match[2]] if match[2] else []
        else:
            self._paragraph.append(ADMONITION.sub("", line) if not self._paragraph else line)

    def _flush(self) -> None:
        if self._paragraph:
            self._outline.block(self._inline("\n".join(self._paragraph)))
            self._paragraph = []

    def _inline(self, text: str) -> str:
        return tidy(plain_inline(text, self._attributes))
