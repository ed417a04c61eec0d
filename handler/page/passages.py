"""The text of documents on the search page: paragraphs, code, and the part that matched first."""

import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from handler.markup import Html, joined
from handler.page.templates import part
from handler.search.answer import Hit

# A match this far into a passage is near enough to its start to be seen.
NEAR = 90
# Otherwise the sentence of the first match comes first, or else some words before it.
SENTENCE_CHARS, WORDS_CHARS = 90, 50
# So much is shown in any case, if the passage has so much.
LEAST_SHOWN = 180
# Shorter passages fit into three lines everywhere.
SHORT = 100
SENTENCE_END = re.compile(r"[.!?…]\s|\n")
BLANK = re.compile(r"\n[ \t]*\n")
# Extracted prose has no indentation; what has is code, as are prompts and braces.
CODE = re.compile(r"^(?:[ \t]+\S|\$ |>>> |[^\n]*\{$|\}$)", re.MULTILINE)


class Block(NamedTuple):
    """A paragraph or piece of code: its place in the HTML of the whole, and what it is."""

    start: int
    end: int
    code: bool


def passage(hit: Hit) -> Html:
    """Return the passage of a hit; the page shows its first lines, from the first match on."""
    document, (start, end) = hit.document, hit.passage
    html = hit.highlight
    if html is None:
        html = escape(document.text[start:end])
    before = "… " if start > 0 else ""
    after = " …" if 0 < end < len(document.text) else ""
    html = f"{before}{html}{after}"
    cut = _first_shown(html)
    blocks = _blocks(html, code=bool(document.sections))
    return part(
        "passage",
        blocks=joined(_shown(html, block, cut) for block in blocks),
        more=part("rest", id=f"rest-{escape(document.id)}") if len(html) > SHORT else "",
    )


def text_blocks(text: str, *, code: bool) -> Html:
    """Return a whole text in paragraphs; with `code`, it may have pieces of code."""
    html = escape(text)
    return joined(_shown(html, block, 0) for block in _blocks(html, code=code))


def _blocks(html: str, *, code: bool) -> list[Block]:
    """Return the blocks of some HTML, without those of which a mark goes beyond the end."""
    if not code:
        parts = [Block(*match.span(), False) for match in re.finditer(r"[^\n]+", html)]
    else:
        parts = list(_between_blank_lines(html))
    texts = [html[block.start : block.end] for block in parts]
    if any(text.count("<mark>") != text.count("</mark>") for text in texts):
        return [Block(0, len(html), False)]
    return parts


def _between_blank_lines(html: str) -> Iterator[Block]:
    """Yield paragraphs and pieces of code, which may have blank lines of their own."""
    start, held = 0, None
    for end in [*(match.start() for match in BLANK.finditer(html)), len(html)]:
        text = html[start:end]
        is_code = bool(CODE.search(text.strip("\n")))
        if held and is_code and held.code:
            held = Block(held.start, end, True)
        elif text.strip():
            if held:
                yield held
            held = Block(start, end, is_code)
        start = end
    if held:
        yield held


def _shown(html: str, block: Block, cut: int) -> Html:
    """Return a block; what is before `cut` is shown once the reader wants more."""
    text = html[block.start : block.end].rstrip("\n")
    kind = "code" if block.code else "paragraph"
    if block.end <= cut:
        return part(kind, lead=Html(' class="lead"'), text=Html(text.strip("\n")))
    at = max(0, cut - block.start)
    if at and not block.code:
        text = part("lead", lead=Html(text[:at]), text=Html(text[at:]))
    return part(kind, lead="", text=Html(text.lstrip("\n")))


def _first_shown(html: str) -> int:
    """Return the place in a passage from which three lines show its first match."""
    mark = html.find("<mark>")
    latest = len(html) - LEAST_SHOWN
    if mark <= NEAR or latest <= 0:
        return 0
    ends = [match.end() for match in SENTENCE_END.finditer(html, 0, mark)]
    if ends and mark - ends[-1] <= SENTENCE_CHARS and ends[-1] <= latest:
        return ends[-1]
    return html.rfind(" ", 0, min(mark - WORDS_CHARS, latest)) + 1
