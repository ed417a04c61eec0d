"""All documents of an index, page by page, in the order of the index."""

import re
from dataclasses import dataclass
from typing import Self

from handler.errors import InvalidRequest, VersionGone
from handler.index.arrays import Rows
from handler.index.engine import Condition, Engine

FORM = re.compile(r"(?P<version>[\w-]{1,80})\.(?P<row>\d{1,18})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a listing goes on: after a row of one version."""

    version: str
    row: int

    @classmethod
    def parse(cls, text: str, index: Engine) -> Self:
        """Read the text that an answer had under "next".

        Raises:
            InvalidRequest: that is no cursor.
            VersionGone: it is of another version than `index`.
        """
        match = FORM.fullmatch(text)
        if not match:
            raise InvalidRequest(
                f'after is {text[:100]!r}; give what the last answer had under "next"'
            )
        if match["version"] != index.manifest.version:
            raise VersionGone(
                f"the index is at version {index.manifest.version} now, and after is of "
                f"{match['version']}; start the listing again, without after"
            )
        return cls(match["version"], int(match["row"]))

    def __str__(self) -> str:
        """Return the text for an answer."""
        return f"{self.version}.{self.row}"


def rows_after(
    index: Engine, cursor: Cursor | None, filter_query: Condition | None, k: int
) -> Rows:
    """Return the next `k` rows that match the filter, from the start or from a cursor."""
    return index.rows_after(cursor.row if cursor else -1, filter_query, k)
