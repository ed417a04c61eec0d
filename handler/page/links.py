"""Links on the search page: only to web addresses, and to states of the page itself."""

import re
from urllib.parse import urlsplit

from handler.markup import Html, fill
from handler.page.templates import part

LINK = re.compile(r"https?://[^\s\\]+", re.IGNORECASE)


def linked(title: Html, url: str, otherwise: str = "") -> Html:
    """Return a title with a link to `url` if that is a web address, or else to `otherwise`."""
    href = url if host_of(url) else otherwise
    return part("link", href=href, title=title) if href else fill("$title", title=title)


def host_of(url: str) -> str:
    """Return the host of an http or https URL; nothing for any other."""
    try:
        return urlsplit(url).hostname or "" if LINK.fullmatch(url) else ""
    except ValueError:
        return ""
