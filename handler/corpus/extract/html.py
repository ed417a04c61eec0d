"""HTML to the text, title and sections of its main content, by selectolax."""

import re
from typing import TYPE_CHECKING, Any

from handler.corpus.extract.front_matter import split_templated
from handler.corpus.extract.outline import Extract, Outline, one_line, tidy

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

# What is never text, wherever it is.
HIDDEN = (
    "script, style, noscript, template, svg, iframe, object, canvas, audio, video, math annotation, "
    "button, select, input, textarea, dialog, [hidden], [aria-hidden=true], a.headerlink, a.anchor, "
    "[style*='display:none'], [style*='display: none'], .visually-hidden, .sr-only"
)
# What surrounds the main content.
AROUND = (
    "nav, footer, aside, form, [role=navigation], [role=banner], [role=contentinfo], [role=search], "
    "[role=complementary], [role=dialog], [role=alert], [role=menu], [role=menubar], [role=toolbar]"
)
AROUND_NAMES = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|navi|menu|sidebar|side-?bar|breadcrumbs?|footer|foot|toc|"
    r"table-of-contents|cookies?|consent|gdpr|social|share|sharing|related|comments?|disqus|ads?|"
    r"advert\w*|promo|sponsor\w*|newsletter|subscribe|popup|modal|overlay|skip-?(?:link|to-content)?|"
    r"pagination|pager|search|searchbox|login|signup|masthead|topbar|toolbar|site-header|page-header|"
    r"edit-?(?:link|page)|prev-?next|headerlink)(?:$|[\s_-])",
    re.IGNORECASE,
)
NAMED = "a, div, section, ul, ol, header, table, p, span, dl, details"
MAIN = (
    "main",
    "[role=main]",
    "article",
    "[itemprop=articleBody]",
    "#content",
    "#main-content",
    "#main",
)
# A part of the page with less of its text than this is not the main content, whatever its name.
LEAST_SHARE = 0.3
# Lists and tables with more of their text in links than this are menus, where nothing marks content.
LINK_SHARE = 0.8
LEAST_LINKS = 3

BLOCKS = frozenset(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption "
    "figure footer form header hgroup hr html li main nav ol p pre section summary table tbody tfoot "
    "thead tr ul caption".split()
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}
# Signs that link a heading to itself.
PILCROW = re.compile(r"^[¶§🔗]\s*|\s*[¶§#🔗]\s*$")
MAX_DEPTH = 200


def extract_html(text: str) -> Extract:
    """Return the main content of a page, and what its head says about it.

    The title is the first heading of level 1, as that of the head often names the site instead; or
    else that of the head.
    """
    from selectolax.lexbor import LexborHTMLParser

    front, text = split_templated(text)
    tree = LexborHTMLParser(text)
    fields = _fields(tree) | front
    title = one_line(str(fields.pop("title", "")))
    outline = Outline()
    if tree.body is not None:
        content = _main_content(tree, tree.body)
        heading = content.css_first("h1")
        if heading is not None and "title" not in front:
            title = _heading_text(heading)
        _Walk(outline).add(content)
    return outline.finish(title, fields)


def add_fragment(outline: Outline, text: str) -> None:
    """Add HTML that is nothing but content, such as a chapter of a book, to an outline."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(text)
    _remove(tree, HIDDEN)
    if tree.body is not None:
        _Walk(outline).add(tree.body)


def _fields(tree: "LexborHTMLParser") -> dict[str, Any]:
    """Return what the head says, under the names that front matter has."""
    found: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        name = str(node.attributes.get("name") or node.attributes.get("property") or "").lower()
        found.setdefault(name, one_line(str(node.attributes.get("content") or "")))
    title = tree.css_first("title")
    link = tree.css_first("link[rel=canonical]")
    html = tree.css_first("html")
    keywords = [word.strip() for word in found.get("keywords", "").split(",")]
    fields: dict[str, Any] = {
        "title": one_line(title.text()) if title else found.get("og:title", ""),
        "url": str(link.attributes.get("href") or "") if link else found.get("og:url", ""),
        "description": found.get("description") or found.get("og:description", ""),
        "author": found.get("author", ""),
        "date": found.get("article:published_time") or found.get("date", ""),
        "keywords": [word for word in keywords if word],
        "language": str(html.attributes.get("lang") or "") if html else "",
    }
    return {name: value for name, value in fields.items() if value}


def _main_content(tree: "LexborHTMLParser", body: "LexborNode") -> "LexborNode":
    """Remove what is around the main content, and return the element that holds it."""
    _remove(tree, HIDDEN)
    whole = len(body.text())
    for node in tree.css(f"{AROUND}, body > header"):
        if len(node.text()) < whole / 2:
            node.decompose()
    for node in tree.css(NAMED):
        names = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}"
        if AROUND_NAMES.search(names) and len(node.text()) < whole / 2:
            node.decompose()
    whole = len(body.text())
    for selector in MAIN:
        found = max(tree.css(selector), key=lambda node: len(node.text()), default=None)
        if found is not None and len(found.text()) >= LEAST_SHARE * whole:
            return found
    for node in tree.css("ul, ol, table, div"):
        links = node.css("a")
        linked = sum(len(link.text()) for link in links)
        if len(links) >= LEAST_LINKS and linked > LINK_SHARE * len(node.text().strip()):
            node.decompose()
    return body


def _remove(tree: "LexborHTMLParser", selector: str) -> None:
    for node in tree.css(selector):
        node.decompose()


class _Walk:
    """Adds the blocks and headings below an element to an outline."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._line: list[str] = []
        # The ids of elements around the next heading, for headings without one.
        self._id = ""

    def add(self, node: "LexborNode") -> None:
        """Add the content of an element."""
        self._children(node, 0)
        self._flush()

    def _children(self, node: "LexborNode", depth: int) -> None:
        if depth > MAX_DEPTH:
            self._line.append(str(node.text(separator=" ")))
            return
        for child in node.iter(include_text=True):
            self._node(child, depth + 1)

    def _node(self, node: "LexborNode", depth: int) -> None:
        tag = str(node.tag)
        if tag == "-text":
            self._line.append(re.sub(r"\s+", " ", str(node.text(deep=False))))
        elif tag in HEADINGS:
            self._flush()
            self._heading(node, HEADINGS[tag])
        elif tag == "pre":
            self._flush()
            self._outline.block(str(node.text()))
        elif tag == "br":
            self._line.append("\n")
        elif tag == "tr":
            self._flush()
            cells = (one_line(str(cell.text(separator=" "))) for cell in node.css("td, th"))
            self._outline.block(" | ".join(cell for cell in cells if cell))
        elif tag in BLOCKS:
            self._flush()
            self._id = _anchor(node) or self._id
            self._children(node, depth)
            self._flush()
        elif tag == "a" and not str(node.text()).strip():
            self._id = _anchor(node) or self._id
        elif not tag.startswith(("-", "!", "_")):
            self._children(node, depth)

    def _heading(self, node: "LexborNode", level: int) -> None:
        text = _heading_text(node)
        inner = node.css_first("[id], a[name]")
        own = _anchor(node) or (_anchor(inner) if inner is not None else "")
        self._outline.heading(level, text, own or self._id)
        self._id = ""

    def _flush(self) -> None:
        if self._line:
            text = tidy("".join(self._line))
            self._line = []
            if text:
                self._id = ""
                self._outline.block(text)


def _heading_text(node: "LexborNode") -> str:
    return PILCROW.sub("", one_line(str(node.text())))


def _anchor(node: "LexborNode") -> str:
    return str(node.attributes.get("id") or node.attributes.get("name") or "")
