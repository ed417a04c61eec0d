"""The folder that keeps downloads and other things that are slow to make."""

import os
from pathlib import Path

CACHE_VARIABLE = "QUERYTOWER_EXPORT_CACHE"


def cache_folder(kind: str) -> Path:
    """Return the folder for one kind of thing, such as "models"; it may not exist yet.

    It lies in $QUERYTOWER_EXPORT_CACHE, or else in querytower/ of the user's cache.
    """
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen) / kind
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "querytower" / kind
