"""Parts of pages, from the files in web/ that hold several each."""

import re
from functools import cache

from handler.markup import Html, fill
from handler.page.assets import WEB

PART = re.compile(r"^<!-- part: ([a-z-]+) -->\n", re.MULTILINE)


def part(name: str, /, **values: object) -> Html:
    """Fill a part of the search page, from web/parts.html."""
    return fill(parts("parts.html")[name], **values)


@cache
def parts(file: str) -> dict[str, str]:
    """Return the parts of a file in web/, by name."""
    _, *pieces = PART.split((WEB / file).read_text("utf-8"))
    return dict(zip(pieces[::2], pieces[1::2], strict=True))
