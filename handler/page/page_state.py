"""The state of the search page, which its URL holds: query, mode, filters, page, document."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urlencode

from handler.search.request import MODES, Mode

# The page's own parameters. Metadata fields of these names are shown, but the page can't filter by
# them.
OWN = ("q", "mode", "page", "like", "lucky", "verbatim", "sort", "typing", "index")
DEFAULTS = {
    "index": "",
    "q": "",
    "like": "",
    "mode": "hybrid",
    "page": "1",
    "verbatim": "",
    "sort": "",
}
MAX_PAGE_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PageState:
    """What the page's URL asks for.

    `filters` are the parameters that aren't the page's own, as GET /search has them: `year>` with
    the value 1990 stands for `year>=1990`. `typing`: the query is still being typed; no link has
    that. `index` is empty for the default index.
    """

    query: str = ""
    mode: Mode = "hybrid"
    page: int = 1
    like: str = ""
    verbatim: bool = False
    sort: str = ""
    filters: tuple[tuple[str, str], ...] = ()
    typing: bool = False
    index: str = ""

    @classmethod
    def of(cls, parameters: Iterable[tuple[str, str]]) -> Self:
        """Read the parameters of a URL; one that makes no sense counts as missing."""
        given = list(parameters)
        pairs = [(name, value.strip()) for name, value in given if value.strip()]
        own = dict(pairs)
        return cls(
            query=own.get("q", ""),
            mode=next((mode for mode in MODES if mode == own.get("mode")), "hybrid"),
            page=_page_number(own.get("page", "")),
            verbatim="verbatim" in own,
            sort=own.get("sort", ""),
            typing="typing" in own,
            index=own.get("index", ""),
            like=dict(given).get("like", ""),  # white space may be part of an id
            filters=tuple(pair for pair in dict.fromkeys(pairs) if pair[0] not in OWN),
        )

    def among(self, fields: Iterable[str]) -> Self:
        """Return the same state with the filters by `fields` alone.

        Links that people share collect foreign parameters, such as utm_source.
        """
        known = set(fields)
        kept = tuple(pair for pair in self.filters if field_of(pair[0]) in known)
        return replace(self, filters=kept)

    def link(self, **changes: Any) -> str:
        """Return the URL of this state after `changes`, on its first page unless they name one."""
        to = replace(self, **({"page": 1} | changes))
        own = [("index", to.index), ("q", to.query), ("like", to.like), ("mode", to.mode)]
        own.append(("page", str(to.page)))
        own.append(("sort", to.sort))
        own.append(("verbatim", "true" if to.verbatim else ""))
        given = [(name, value) for name, value in own if value != DEFAULTS[name]]
        return "?" + urlencode(given + list(to.filters))

    def anew(self, **state: Any) -> str:
        """Return the URL of another state in the same index."""
        return type(self)(index=self.index, **state).link()

    def values(self, name: str) -> list[str]:
        """Return the values given for a parameter."""
        return [value for key, value in self.filters if key == name]


def field_of(parameter: str) -> str:
    """Return the metadata field of a filter's parameter: year for `year>`."""
    return parameter.rstrip("<>!")


def _page_number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= MAX_PAGE_DIGITS:
        return max(1, int(text))
    return 1
