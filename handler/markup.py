"""HTML from templates in which every value is escaped, unless it is `Html` already."""

from collections.abc import Iterable
from html import escape
from string import Template


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


NOTHING = Html("")


def fill(template: str, /, **values: object) -> Html:
    """Put `values` in place of the $names of `template`."""
    texts = {
        name: value if isinstance(value, Html) else escape(str(value))
        for name, value in values.items()
    }
    return Html(Template(template).substitute(texts))


def joined(parts: Iterable[Html]) -> Html:
    """Return `parts` as one."""
    return Html("".join(parts))


def flag(name: str, on: bool) -> Html:
    """Return an attribute that stands alone, or nothing."""
    return Html(f" {name}") if on else NOTHING
