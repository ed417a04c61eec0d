"""The state of the search page, which its URL holds: query, mode, filters, page, document."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self, get_args
from urllib.parse import urlencode

from handler.search.ranking import Mode

# Parameters of the page's own; a metadata field of such a name is shown, but can't be filtered by here.
OWN = ("q", "mode", "page", "like", "lucky")
MAX_PAGE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class PageState:
    """What the page's URL asks for; `filters` are its other parameters, as the API knows them: year> is year>=."""

    query: str = ""
    mode: Mode = "hybrid"
    page: int = 1
    like: str = ""
    filters: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, parameters: Iterable[tuple[str, str]]) -> Self:
        """Read parameters; one that makes no sense counts as missing."""
        pairs = [(name, value.strip()) for name, value in parameters if value.strip()]
        own = dict(pairs)
        modes: tuple[Mode, ...] = get_args(Mode)
        mode = own.get("mode")
        page = own.get("page", "")
        return cls(
            query=own.get("q", ""),
            mode=next((known for known in modes if known == mode), "hybrid"),
            page=max(1, int(page))
            if page.isascii() and page.isdigit() and len(page) <= MAX_PAGE_DIGITS
            else 1,
            like=own.get("like", ""),
            filters=tuple(pair for pair in dict.fromkeys(pairs) if pair[0] not in OWN),
        )

    def among(self, fields: Iterable[str]) -> Self:
        """Return the same with the filters by `fields` alone: shared links gather foreign parameters."""
        known = set(fields)
        return replace(
            self, filters=tuple(pair for pair in self.filters if field_of(pair[0]) in known)
        )

    def link(self, **changes: Any) -> str:
        """Return the URL of this page after `changes`, and of its first page unless they name another."""
        to = replace(self, **({"page": 1} | changes))
        own = [("q", to.query), ("like", to.like), ("mode", to.mode), ("page", str(to.page))]
        default = {"q": "", "like": "", "mode": "hybrid", "page": "1"}
        return "?" + urlencode(
            [pair for pair in own if pair[1] != default[pair[0]]] + list(to.filters)
        )

    def values(self, name: str) -> list[str]:
        """Return the values given for a parameter."""
        return [value for key, value in self.filters if key == name]


def field_of(parameter: str) -> str:
    """Return the metadata field that a filter's parameter is about: that of `year>` is year."""
    return parameter.rstrip("<>!")
