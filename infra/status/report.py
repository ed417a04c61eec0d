"""A status report: the verdict, then the figures; for people, for programs, and as a page."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from handler.markup import Html
from infra.markup import PLAIN_STYLE, element, page
from infra.prices import PRICES_OF
from infra.status.state import IndexState
from infra.status.traffic import Traffic

MAX_ERROR_SHARE = 0.01
MAX_P99_MS = 1000.0
SHOWN_PROBLEMS = 5

STYLE = PLAIN_STYLE + (
    "h1 { border-left: .5rem solid var(--good); padding-left: .8rem; } "
    ".bad h1 { border-color: var(--bad); }"
)


@dataclass(frozen=True, slots=True)
class Status:
    """The indexes of a store, and what the logs say, if there are any."""

    store: str
    indexes: Sequence[IndexState]
    traffic: Traffic | None = None

    @property
    def problems(self) -> list[str]:
        """What a person must look at, the worst first; empty if all is well."""
        found = [f"{each.name}: {text}" for each in self.indexes for text in each.problems]
        if not self.indexes:
            found.append(f"{self.store} has no index")
        return found + list(self._traffic_problems())

    def _traffic_problems(self) -> Iterator[str]:
        traffic = self.traffic
        if not traffic:
            return
        if traffic.errors > MAX_ERROR_SHARE * traffic.requests:
            yield f"{traffic.errors:,} of {traffic.requests:,} requests failed"
        p99 = traffic.percentile(99)
        if p99 and p99 > MAX_P99_MS:
            yield f"one request in a hundred takes longer than {p99:,.0f} ms"
        if traffic.cache_full:
            yield "a new version does not fit on the disk of the function"
        if traffic.reindex_failed:
            yield f"{traffic.reindex_failed:,} reindex runs failed"
        yield from traffic.problems[:SHOWN_PROBLEMS]

    @property
    def verdict(self) -> str:
        """One sentence."""
        count = len(self.problems)
        if not count:
            return "All is well."
        return "One thing needs attention." if count == 1 else f"{count} things need attention."

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "verdict": self.verdict,
            "problems": self.problems,
            "store": self.store,
            "indexes": [asdict(each) for each in self.indexes],
            "traffic": dict(self.traffic_rows(raw=True)),
        }

    def traffic_rows(self, *, raw: bool = False) -> Iterator[tuple[str, Any]]:
        """Yield names and values of the traffic; as texts unless `raw`."""
        traffic = self.traffic
        if not traffic:
            return
        figures = {
            "requests": (traffic.requests, "{:,}"),
            "errors": (traffic.errors, "{:,}"),
            "p50 ms": (traffic.percentile(50), "{:,.1f}"),
            "p99 ms": (traffic.percentile(99), "{:,.1f}"),
            "cold starts": (traffic.cold_starts, "{:,}"),
            "cold start ms": (traffic.cold_start_ms, "{:,.0f}"),
            "restores": (traffic.restores, "{:,}"),
            "reindex runs": (traffic.reindexed, "{:,}"),
            "failed reindex runs": (traffic.reindex_failed, "{:,}"),
            "cost in dollars": (traffic.dollars, "{:,.4f}"),
        }
        for name, (value, shape) in figures.items():
            if raw:
                yield name.replace(" ", "_"), value
            elif value is not None:
                yield name, shape.format(value)

    def index_rows(self) -> Iterator[list[str]]:
        """Yield the cells of INDEX_COLUMNS for each index."""
        for each in self.indexes:
            quality = " ".join(f"{name} {value:.3f}" for name, value in each.quality.items())
            yield [
                each.name,
                each.version,
                f"{each.age_hours:,.1f} h",
                each.last_run,
                str(each.versions),
                f"{each.documents:,}",
                f"{each.bytes / 1e6:,.1f}",
                quality,
            ]

    def to_html(self) -> str:
        """Return a page that loads nothing."""
        rows = [INDEX_COLUMNS, *self.index_rows()]
        traffic = [list(row) for row in self.traffic_rows()]
        problems = [element("li", text) for text in self.problems]
        body = element(
            "body",
            element("h1", self.verdict),
            element("ul", *problems) if problems else "",
            element("h2", f"Indexes in {self.store}"),
            _table(rows),
            element("h2", "Traffic") if traffic else "",
            _table([["figure", "value"], *traffic]) if traffic else "",
            element("p", f"Prices: {PRICES_OF}.") if traffic else "",
            element("p", f"Made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."),
            class_="bad" if problems else None,
        )
        return page(f"querytower: {self.verdict}", STYLE, body)


INDEX_COLUMNS = ["index", "version", "age", "last run", "versions", "documents", "MB", "quality"]


def _table(rows: Sequence[Sequence[str]]) -> Html:
    first, *others = rows
    head = element("tr", *(element("th", cell) for cell in first))
    lines = [element("tr", *(element("td", cell) for cell in row)) for row in others]
    return element("table", head, *lines)
