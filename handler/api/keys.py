"""Keys of callers, of which only the sha256 is known here."""

import hashlib
import re
from collections.abc import Callable

from starlette.datastructures import Headers

from handler.settings import SettingError

DIGEST = re.compile(r"[0-9a-f]{64}")
# Whoever balances or monitors has no key.
OPEN_PATH = "/health"


def key_check(digests: str) -> Callable[[str, Headers], bool]:
    """Return what tells whether a request for a path, with these headers, may pass: all may if there are no digests.

    A key comes in X-Api-Key, or as a bearer token as OpenAI's clients send it.

    Raises:
        SettingError: something else than digests separated by commas; it isn't repeated, as it may be the key itself.
    """
    known = {digest.strip().lower() for digest in digests.split(",")} if digests.strip() else set()
    if not all(map(DIGEST.fullmatch, known)):
        raise SettingError(
            "QUERYTOWER_API_KEYS must have the sha256 of each key, 64 hexadecimal digits, separated by commas; "
            "get it with: printf %s KEY | sha256sum"
        )

    def may_pass(path: str, headers: Headers) -> bool:
        if not known or path == OPEN_PATH:
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        brought = [headers.get("x-api-key", ""), token if scheme.lower() == "bearer" else ""]
        # Digests are compared, so how long that takes tells nothing of a key.
        return any(
            hashlib.sha256(key.strip(" \t").encode("latin-1")).hexdigest() in known
            for key in brought
            if key
        )

    return may_pass
