"""Fragments of HTML inside fields to text. Whole pages have a reader of their own."""

import html
import re
from html.parser import HTMLParser

# A tag as it is closed, or as it stands alone; an attribute, so that a<b && c>d is no tag.
ATTRIBUTE = r"""\s+[a-zA-Z_:][\w:.-]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>`=]+))?"""
TAG = re.compile(
    r"</(?:p|div|span|b|i|u|em|strong|small|sup|sub|a|ul|ol|li|dl|dt|dd|h[1-6]|table|tbody|thead|tr"
    r"|td|th|font|center|blockquote|pre|code|section|article|header|footer|figure|iframe|script"
    r"|style|html|body|head|title)\s*>"
    rf"|<(?:p|br|hr|img|li|tr|td|div)(?:{ATTRIBUTE})*\s*/?>|<!--",
    re.IGNORECASE,
)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
BLOCKS = {
    *("p", "div", "ul", "ol", "dl", "table", "tr", "blockquote", "pre", "section", "article"),
    *("header", "footer", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
}
LINES = {"br", "li", "dt", "dd"}
SILENT = {"script", "style", "head", "iframe"}
BLANKS = re.compile(r"[ \t\r\f\v\xa0]+")
BREAKS = re.compile(r" ?\n ?")
MANY_BREAKS = re.compile(r"\n{3,}")


def clean_html(text: str) -> str:
    """Return the text of a fragment of HTML; what only resembles HTML, such as `a < b`, stays."""
    if TAG.search(text):
        parser = _Text()
        parser.feed(_with_one_open_comment(text))
        parser.close()
        text = BREAKS.sub("\n", BLANKS.sub(" ", "".join(parser.parts)))
        return MANY_BREAKS.sub("\n\n", text).strip()
    return html.unescape(text) if ENTITY.search(text) else text


def _with_one_open_comment(text: str) -> str:
    """Return the text without further starts of comments inside one that never ends.

    The parser looks for the end of each in the whole rest, which takes quadratic time.
    """
    ended = text.rfind("-->") + 1
    before, start, inside = text[ended:].partition("<!--")
    return text[:ended] + before + start + inside.replace("<!--", "")


class _Text(HTMLParser):
    """Collects the text between tags; blocks are set apart by blank lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        if tag in SILENT:
            self._silent += 1
        self._space(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self._space(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self._silent = max(self._silent - 1, 0)
        self._space("" if tag in LINES - {"br"} else tag)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data.replace("\n", " ") if len(self.parts) else data.lstrip())

    def _space(self, tag: str) -> None:
        if tag in BLOCKS:
            self.parts.append("\n\n")
        elif tag in LINES:
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")
