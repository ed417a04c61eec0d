"""HTML built from elements. Text is escaped unless it is `Html`."""

from collections.abc import Iterable
from html import escape

from handler.markup import Html


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
