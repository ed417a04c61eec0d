"""HTML from templates in which every value is escaped, unless it is `Html` already."""

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from string import Template

from handler.page.assets import WEB

PART = re.compile(r"^<!-- part: ([a-z-]+) -->\n", re.MULTILINE)


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


NOTHING = Html("")


def fill(template: str, /, **values: object) -> Html:
    """Put `values` in place of the $names of `template`."""
    texts = {name: value if isinstance(value, Html) else escape(str(value)) for name, value in values.items()}
    return Html(Template(template).substitute(texts))


def part(name: str, /, **values: object) -> Html:
    """Fill a part of web/parts.html."""
    return fill(_parts()[name], **values)


def joined(parts: Iterable[Html]) -> Html:
    """Return `parts` as one."""
    return Html("".join(parts))


def flag(name: str, on: bool) -> Html:
    """Return an attribute that stands alone, or nothing."""
    return Html(f" {name}") if on else NOTHING


@cache
def _parts() -> dict[str, str]:
    _, *pieces = PART.split((WEB / "parts.html").read_text("utf-8"))
    return dict(zip(pieces[::2], pieces[1::2], strict=True))
