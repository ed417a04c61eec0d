"""HTML built from elements, and whole pages of it. Text is escaped unless it is `Html`."""

from collections.abc import Iterable
from html import escape

from handler.markup import Html

HEAD = Html(
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    '<meta name="color-scheme" content="light dark">'
)
PLAIN_STYLE = """
:root { color-scheme: light dark; --good: #0a6b4f; --bad: #c2410c; --line: #8885; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2.5rem auto; max-width: 56rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; } th { font-weight: 500; opacity: .7; }
td, th { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left; }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; } p, li { overflow-wrap: anywhere; }
"""
"""Style of a page of tables."""


def page(title: str, style: str, body: Html) -> str:
    """Return a whole page, which loads nothing and runs nothing, around its `body` element."""
    head = element("head", HEAD, element("title", title), element("style", Html(style)))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def element(tag: str, *children: str, **attributes: str | float | None) -> Html:
    """Return an element with its children.

    An attribute is left out if it is None. `class_` stands for class, and an underscore inside a
    name for a hyphen.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{given}>{join(children)}</{tag}>")


def join(children: Iterable[str]) -> Html:
    """Return the children in order, escaped where they are plain text."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))
