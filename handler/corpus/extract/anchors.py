"""Anchors of headings, as the programs make them that turn documents into pages."""

import re
import unicodedata
from collections import Counter

NOT_WORD = re.compile(r"[^\w\- ]")
NOT_NAME = re.compile(r"[^a-z0-9]+")


class Anchors:
    """Gives the headings of one document their anchors, as GitHub does: the second `x` is `x-1`."""

    def __init__(self) -> None:
        """Start with no anchor given."""
        self._given: Counter[str] = Counter()

    def of(self, heading: str) -> str:
        """Return the anchor of the next heading."""
        anchor = NOT_WORD.sub("", heading.strip().lower()).replace(" ", "-")
        count = self._given[anchor]
        self._given[anchor] += 1
        return f"{anchor}-{count}" if count and anchor else anchor


def docutils_anchor(heading: str) -> str:
    """Return the anchor that docutils, and so Sphinx, gives a heading that is the first of its name."""
    plain = unicodedata.normalize("NFKD", heading.lower()).encode("ascii", "ignore").decode()
    return NOT_NAME.sub("-", plain).strip("-")
