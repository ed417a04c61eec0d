"""URLs for people: in messages, logs, manifests and reports."""

import re

URL = re.compile(r"([A-Za-z][\w+.-]+):(//)?([^/?#]*)([^?#]*)", re.DOTALL)
HOST = re.compile(r"[^@:]*(:\d*)?|\[[\da-fA-F:.%]*\](:\d*)?")


def shown_url(url: str) -> str:
    """Return a path or URL as people may see it: without user, password, query and fragment.

    Every one of them may be a secret. What can't be told apart is left out.
    """
    found = URL.match(url)
    if not found:
        return url
    scheme, slashes, place, path = found.groups()
    host = place.rpartition("@")[2]
    if not slashes and (scheme != "file" or "@" in url):
        return f"{scheme}:…"
    if not HOST.fullmatch(host):  # such as a password with a slash in it
        return f"{scheme}://…"
    return re.sub(r"[\0-\x1f\x7f]", "?", f"{scheme}:{slashes or ''}{host}{path}")
