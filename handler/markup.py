"""HTML from templates: every value is escaped, unless it is `Html` already."""

from collections.abc import Iterable
from html import escape
from string import Template


class Html(str):
    """Text that is HTML, and must not be escaped."""

    __slots__ = ()


NOTHING = Html("")


def fill(template: str, /, **values: object) -> Html:
    """Return `template` with `values` in place of its $names."""
    texts = {
        name: value if isinstance(value, Html) else escape(str(value))
        for name, value in values.items()
    }
    return Html(Template(template).substitute(texts))


def joined(parts: Iterable[Html]) -> Html:
    """Return `parts` as one."""
    return Html("".join(parts))


def flag(name: str, on: bool) -> Html:
    """Return an attribute without a value, such as `checked`, if `on`."""
    return Html(f" {name}") if on else NOTHING
