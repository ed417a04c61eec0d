"""reStructuredText, with what Sphinx adds to it, to plain text and sections, by docutils."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from handler.corpus.extract.anchors import docutils_anchor
from handler.corpus.extract.outline import Extract, Outline, one_line

if TYPE_CHECKING:
    from docutils.nodes import Node, document

# Directives whose content is text, code, or nothing that is read; any other one holds text.
CODE = set(
    "code code-block sourcecode parsed-literal doctest testcode ipython math prompt "
    "productionlist jupyter-execute".split()
)
SILENT = set(
    "toctree contents image figure include index highlight module currentmodule raw meta only "
    "testsetup testcleanup tabularcolumns graphviz literalinclude automodule sectnum default-role "
    "role cssclass rst-class title bibliography mermaid sectionauthor codeauthor plot".split()
)
DIRECTIVE = re.compile(r"^[ \t]*\.\.[ \t]+([\w:+.-]+?)::", re.MULTILINE)
ROLE = re.compile(r":([\w:+.-]+):`")
TARGET = re.compile(r"^(.*?)\s*<[^<>]*>$", re.DOTALL)
SUBSTITUTION = re.compile(r"\|[^|\s][^|\n]*\|_{0,2}")
SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 5,
    "halt_level": 6,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "smart_quotes": False,
    "input_encoding": "unicode",
    "_disable_config": True,
    "line_length_limit": 100_000,
}


def extract_restructured(text: str) -> Extract:
    """Return the plain text, title, sections and fields of a document.

    Directives and roles that docutils doesn't know, as those of Sphinx, are read as the text that they
    hold. No file is included. The title is the first heading; anchors are those of docutils.
    """
    outline = Outline()
    walk = _Walk(outline)
    walk.add(_parsed(text))
    title = str(walk.fields.pop("title", ""))
    return outline.finish(title, walk.fields)


def _parsed(text: str) -> "document":
    from docutils.core import publish_doctree

    _register(set(DIRECTIVE.findall(text)), set(ROLE.findall(text)))
    found: document = publish_doctree(text, settings_overrides=SETTINGS)
    return found


def _register(directives: Iterable[str], roles: Iterable[str]) -> None:
    """Make docutils accept directives and roles by these names."""
    from docutils import nodes
    from docutils.parsers.rst import Directive
    from docutils.parsers.rst import directives as known
    from docutils.parsers.rst import roles as known_roles
    from docutils.parsers.rst.languages import en

    class Text(Directive):
        """Holds a title, if it has arguments, and text."""

        has_content = True
        optional_arguments = 100
        final_argument_whitespace = True
        option_spec = _AnyOption()

        def run(self) -> list[nodes.Node]:
            name = self.name.rpartition(":")[2].lower()
            if name in SILENT:
                return []
            if name in CODE:
                return [nodes.literal_block("", "\n".join(self.content))]
            holder = nodes.container()
            if self.arguments:
                inline, _ = self.state.inline_text(" ".join(self.arguments), self.lineno)
                holder += nodes.paragraph("", "", *inline)
            self.state.nested_parse(self.content, self.content_offset, holder)
            return [holder]

    def role(_name: str, raw: str, text: str, *_args: Any, **_options: Any) -> Any:
        shown = TARGET.match(text)
        plain = shown[1] if shown else text.lstrip("~!")
        return [nodes.inline(raw, plain or text.strip("<>"))], []

    for name in directives:
        if name not in en.directives or name in SILENT | CODE:
            known.register_directive(name, Text)
    for name in roles:
        if name not in en.roles:
            known_roles.register_local_role(name, role)


class _AnyOption(dict[str, Any]):
    """Options of any name, each with any value."""

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, _name: str) -> Any:
        return lambda value: value


class _Walk:
    """Adds the nodes of a document to an outline."""

    def __init__(self, outline: Outline) -> None:
        self.fields: dict[str, Any] = {}
        self._outline = outline
        self._anchors: set[str] = set()

    def add(self, node: "Node", level: int = 0) -> None:
        """Add a node and what is below it."""
        kind = type(node).__name__
        if kind == "section":
            for child in node.children:
                self._section_part(node, child, level + 1)
        elif kind in (
            "paragraph",
            "term",
            "rubric",
            "attribution",
            "subtitle",
            "line",
            "caption",
            "title",
        ):
            self._outline.block(_plain(node))
        elif kind in ("literal_block", "doctest_block", "math_block"):
            self._outline.block(node.astext())
        elif kind == "row":
            cells = (one_line(_plain(child)) for child in node.children)
            self._outline.block(" | ".join(cell for cell in cells if cell))
        elif kind == "field_list" and not self._outline.started:
            self._read_fields(node)
        elif kind == "field":
            self._outline.block(": ".join(one_line(_plain(child)) for child in node.children))
        elif kind == "line_block":
            self._outline.block("\n".join(_plain(child) for child in node.children))
        elif kind not in (
            "comment",
            "system_message",
            "substitution_definition",
            "target",
            "pending",
            "raw",
        ):
            for child in node.children:
                self.add(child, level)

    def _section_part(self, section: "Node", child: "Node", level: int) -> None:
        if type(child).__name__ != "title":
            self.add(child, level)
            return
        heading = one_line(_plain(child))
        self._outline.heading(level, heading, self._anchor(section, heading))

    def _anchor(self, section: Any, heading: str) -> str:
        ids = list(section["ids"])
        name = docutils_anchor(heading)
        return name if name in ids or not ids else str(ids[0])

    def _read_fields(self, node: "Node") -> None:
        """Read the list of fields above a document, as Sphinx and Pelican have it."""
        for field in node.children:
            name, value = (one_line(_plain(child)) for child in field.children)
            if name.lower() not in ("orphan", "tocdepth", "nocomments") and value:
                self.fields[name.lower()] = value


def _plain(node: "Node") -> str:
    """Return the text of a node without its messages; references are what they show."""
    from docutils import nodes

    if isinstance(node, nodes.Text):
        return str(node.astext())
    if isinstance(
        node, nodes.system_message | nodes.footnote_reference | nodes.raw | nodes.comment
    ):
        return ""
    if isinstance(node, nodes.problematic):
        return SUBSTITUTION.sub("", node.astext()).strip("`_")
    if isinstance(node, nodes.image):
        return ""
    separator = "\n" if isinstance(node, nodes.entry | nodes.list_item) else ""
    return separator.join(_plain(child) for child in node.children)
