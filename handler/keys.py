"""Keys of callers, of which only the sha256 is known here."""

import hashlib
import re
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote

from starlette.datastructures import Headers

from handler.settings import SettingError

DIGEST = re.compile(r"[0-9a-f]{64}")
# Load balancers and monitors send no key, and neither does somebody who is about to give one.
OPEN_PATHS = ("/health", "/key")
# What the search page asked for, in a browser; percent-encoded.
COOKIE = "querytower_key"


class Keys:
    """The keys that are accepted. They come in X-Api-Key, as a bearer token, or in a cookie.

    A bearer token is how OpenAI's clients send it. Browsers send the cookie, once the search page
    has asked for the key.
    """

    def __init__(self, digests: str) -> None:
        """Take the digests, separated by commas; without any, no key is needed.

        Raises:
            SettingError: `digests` is something else. The message doesn't repeat it, as it may be
                the key itself.
        """
        given = digests.split(",") if digests.strip() else []
        self._known = {digest.strip().lower() for digest in given}
        if not all(map(DIGEST.fullmatch, self._known)):
            raise SettingError(
                "QUERYTOWER_API_KEYS must have the sha256 of each key, 64 hexadecimal digits, "
                "separated by commas; get it with: printf %s KEY | sha256sum"
            )

    def guard(self, path: str) -> bool:
        """Tell whether a request for `path` needs a key."""
        return bool(self._known) and path not in OPEN_PATHS

    def accept(self, key: str) -> bool:
        """Tell whether this is one of the keys, without white space around it."""
        # The time of a comparison tells something of a digest, but nothing of the key.
        digest = hashlib.sha256(key.strip(" \t").encode("utf-8", "surrogateescape")).hexdigest()
        return bool(key) and digest in self._known

    def may_pass(self, path: str, headers: Headers) -> bool:
        """Tell whether a request is answered."""
        if not self.guard(path):
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        # Headers are bytes, which the framework reads as Latin-1.
        brought = [headers.get("x-api-key", ""), token if scheme.lower() == "bearer" else ""]
        as_bytes = [key.encode("latin-1").decode("utf-8", "surrogateescape") for key in brought]
        return any(self.accept(key) for key in [*as_bytes, _from_cookie(headers)])


def _from_cookie(headers: Headers) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return unquote(cookies[COOKIE].value, errors="surrogateescape") if COOKIE in cookies else ""
