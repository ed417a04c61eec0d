"""Markdown to plain text and sections, by markdown-it-py."""

import html
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from handler.corpus.extract.anchors import Anchors
from handler.corpus.extract.dialects import ATTRIBUTES, plain_markdown
from handler.corpus.extract.front_matter import split_front_matter
from handler.corpus.extract.outline import Extract, Outline, one_line, tidy

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_NESTING = 4
HEADING_ID = re.compile(r"[ \t]*\{[ \t]*:?[ \t]*#([\w:./-]+)[^{}]*\}[ \t]*$")
MARKED = re.compile(r"==(?=\S)(.+?)(?<=\S)==")
BLOCK_ID = re.compile(r"(?:^|[ \t])\^[\w-]+[ \t]*$", re.MULTILINE)
TASK = re.compile(r"^\[[ xX/-]\][ \t]+")
ALERT = re.compile(r"^\[!\w[\w -]*\][+-]?[ \t]*")

# Fences whose content is text (MyST), and those that show nothing.
DIRECTIVE = re.compile(r"^\{([\w:+-]+)\}[ \t]*(.*)$")
CODE_DIRECTIVES = {
    "code",
    "code-block",
    "code-cell",
    "sourcecode",
    "literalinclude",
    "math",
    "eval-rst",
}
NO_TEXT = {"toctree", "contents", "image", "figure", "include", "mermaid", "tableofcontents"}
OPTIONS = re.compile(r"\A(?:---\n.*?\n---\n|(?:[ \t]*:[\w-]+:[^\n]*\n?)+)", re.DOTALL)

# It ends where another begins, so that many unclosed ones are not each searched to the end.
HTML_HEADING = re.compile(
    r"<h([1-6])\b([^<>]*)>((?:(?!<h[1-6]\b).)*?)</h\1\s*>", re.DOTALL | re.IGNORECASE
)
HTML_ID = re.compile(r"\bid\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
HTML_HIDDEN = re.compile(
    r"<(script|style|svg)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE
)
HTML_BREAK = re.compile(
    r"</?(?:p|div|li|ul|ol|tr|table|h[1-6]|details|summary|dt|dd|dl|section|pre|blockquote|[A-Z][\w.]*)\b[^>]*>|<br\s*/?>"
)
HTML_TAG = re.compile(r"</?[A-Za-z][^<>]*>", re.DOTALL)
TAG_START = re.compile(r"<[/A-Za-z!?]")


def extract_markdown(text: str, *, mdx: bool = False) -> Extract:
    """Return the plain text, title, sections and front matter of a Markdown document.

    The title is that of the front matter, or else the first heading. `mdx`: it may hold JavaScript.
    """
    fields, body = split_front_matter(text)
    outline = Outline()
    add_markdown(outline, body, Anchors(), mdx=mdx)
    title = fields.pop("title", "")
    return outline.finish(one_line(str(title)), fields)


def add_markdown(outline: Outline, text: str, anchors: Anchors, *, mdx: bool = False) -> None:
    """Add the headings and blocks of Markdown without front matter to an outline."""
    _Walk(outline, anchors).add(plain_markdown(text, mdx=mdx))


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
    # Link targets are not used: percent-encoding them took a fifth of the time.
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


class _Walk:
    """Adds the tokens of a parsed document to an outline."""

    def __init__(self, outline: Outline, anchors: Anchors) -> None:
        self._outline = outline
        self._anchors = anchors
        self._row: list[str] | None = None
        self._depth = 0

    def add(self, text: str) -> None:
        """Add a text; blocks of HTML and directives hold further ones."""
        if self._depth > MAX_NESTING:
            return
        self._depth += 1
        tokens = _parser().parse(text)
        for at, token in enumerate(tokens):
            self._token(token, tokens[at - 1] if at else None)
        self._depth -= 1

    def _token(self, token: "Token", before: "Token | None") -> None:
        if token.type == "inline":
            self._inline(token, before)
        elif token.type in ("fence", "code_block"):
            self._code(token)
        elif token.type == "html_block":
            self._html(token.content)
        elif token.type == "tr_open":
            self._row = []
        elif token.type == "tr_close" and self._row is not None:
            self._outline.block(" | ".join(cell for cell in self._row if cell))
            self._row = None

    def _inline(self, token: "Token", before: "Token | None") -> None:
        kind = before.type if before else ""
        if kind == "heading_open" and before:
            self._heading(int(before.tag[1]), token)
            return
        text = _cleaned(plain(token.children or []))
        if self._row is not None:
            self._row.append(one_line(text))
            return
        self._outline.block(ALERT.sub("", TASK.sub("", text)))

    def _heading(self, level: int, token: "Token") -> None:
        given = HEADING_ID.search(token.content)
        text = one_line(_cleaned(plain(token.children or [])))
        anchor = self._anchors.of(text)
        self._outline.heading(level, text, given[1] if given else anchor)

    def _code(self, token: "Token") -> None:
        directive = DIRECTIVE.match(token.info.strip())
        if token.info.strip() in NO_TEXT:
            return
        if not directive or directive[1] in CODE_DIRECTIVES:
            self._outline.block(token.content)
        elif directive[1] not in NO_TEXT:
            self._outline.block(directive[2])
            self.add(OPTIONS.sub("", token.content))

    def _html(self, text: str) -> None:
        """Add what is visible of a block of HTML, which may hold Markdown."""
        text = HTML_HIDDEN.sub("", text)
        text = HTML_HEADING.sub(_markdown_heading, text)
        text = HTML_TAG.sub("", HTML_BREAK.sub("\n\n", text))
        if not TAG_START.search(text):
            self.add("\n".join(line.strip() for line in text.splitlines()))
        else:
            self._outline.block(tidy(html.unescape(text)))


def _markdown_heading(match: re.Match[str]) -> str:
    given = HTML_ID.search(match[2])
    text = one_line(HTML_TAG.sub("", match[3]))
    return f"\n\n{'#' * int(match[1])} {text}{f' {{#{given[1]}}}' if given else ''}\n\n"


def plain(tokens: "Sequence[Token]") -> str:
    """Return the text of inline tokens: no markup, images as what they show unless they are links."""
    parts: list[str] = []
    links = 0
    for token in tokens:
        if token.type == "text":
            parts.append(ATTRIBUTES.sub("", token.content))
        elif token.type == "code_inline":
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif token.type == "html_inline":
            parts.append("\n" if token.content.lower().startswith("<br") else "")
        elif token.type == "image":
            parts.append("" if links else plain(token.children or []))
        links += {"link_open": 1, "link_close": -1}.get(token.type, 0)
    return "".join(parts)


def _cleaned(text: str) -> str:
    return tidy(BLOCK_ID.sub("", MARKED.sub(r"\1", text)))
