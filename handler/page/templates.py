"""Parts of the search page, from web/parts.html."""

import re
from functools import cache

from handler.markup import Html, fill
from handler.page.assets import WEB

PART = re.compile(r"^<!-- part: ([a-z-]+) -->\n", re.MULTILINE)


def part(name: str, /, **values: object) -> Html:
    """Fill a part of web/parts.html."""
    return fill(_parts()[name], **values)


@cache
def _parts() -> dict[str, str]:
    _, *pieces = PART.split((WEB / "parts.html").read_text("utf-8"))
    return dict(zip(pieces[::2], pieces[1::2], strict=True))
