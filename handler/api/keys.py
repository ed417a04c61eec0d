"""Keys of callers, of which only the sha256 is known here."""

import hashlib
import re
from collections.abc import Callable

from starlette.datastructures import Headers

from handler.settings import SettingError

DIGEST = re.compile(r"[0-9a-f]{64}")
# Load balancers and monitors send no key.
OPEN_PATH = "/health"


def key_check(digests: str) -> Callable[[str, Headers], bool]:
    """Return a function of path and headers that tells whether a request may pass.

    Without `digests` all may. A key comes in X-Api-Key, or as a bearer token, which is how
    OpenAI's clients send it.

    Raises:
        SettingError: `digests` is not a list of digests with commas. The message doesn't repeat
            it, as it may be the key itself.
    """
    known = {digest.strip().lower() for digest in digests.split(",")} if digests.strip() else set()
    if not all(map(DIGEST.fullmatch, known)):
        raise SettingError(
            "QUERYTOWER_API_KEYS must have the sha256 of each key, 64 hexadecimal digits, "
            "separated by commas; get it with: printf %s KEY | sha256sum"
        )

    def may_pass(path: str, headers: Headers) -> bool:
        if not known or path == OPEN_PATH:
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        brought = [headers.get("x-api-key", ""), token if scheme.lower() == "bearer" else ""]
        # The time of a comparison tells something of a digest, but nothing of the key.
        return any(
            hashlib.sha256(key.strip(" \t").encode("latin-1")).hexdigest() in known
            for key in brought
            if key
        )

    return may_pass
