"""The figures as tables, from which the terminal, JSON and the page are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.insights.analysis import LOW_COSINE, Insights

RANKS = range(1, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A question, its answer as rows, and the column that a chart draws, if there is one."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    drawn: int | None = None

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as objects."""
        names = [column.replace(" ", "_") for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def tables(insights: Insights, most: int) -> list[Table]:
    """Return all tables, of `most` rows each."""
    popular = [(q, each.searches, _rounded(each.cosine)) for q, each in insights.popular(most)]
    failing = [(q, each.without_hits, each.searches) for q, each in insights.failing(most)]
    distant = [(q, _rounded(each.cosine), each.searches) for q, each in insights.distant(most)]
    slow = [(q, round(each.slowest_ms, 1)) for q, each in insights.slow(most)]
    recommended = [
        (document, times, _clicks(insights, document))
        for document, times in insights.recommended.most_common(most)
    ]
    return [
        Table(
            name="popular",
            title="Popular queries",
            columns=["query", "searches", "mean cosine"],
            rows=popular,
            drawn=1,
        ),
        Table(
            name="without_hits",
            title="Queries without hits",
            columns=["query", "without hits", "searches"],
            rows=failing,
            drawn=1,
        ),
        Table(
            name="low_cosine",
            title=f"Queries far from the corpus (mean cosine below {LOW_COSINE})",
            columns=["query", "mean cosine", "searches"],
            rows=distant,
        ),
        Table(
            name="clicks_by_rank",
            title="Clicks by rank",
            columns=["rank", "shown", "clicks", "clicks per shown"],
            rows=_by_rank(insights),
            drawn=3,
        ),
        Table(
            name="recommended",
            title="Documents recommended most often",
            columns=["document", "shown", "clicks"],
            rows=recommended,
            drawn=1,
        ),
        Table(
            name="slow",
            title="Slow queries",
            columns=["query", "slowest ms"],
            rows=slow,
            drawn=1,
        ),
    ]


def _by_rank(insights: Insights) -> list[tuple[Any, ...]]:
    rows = []
    for rank in RANKS:
        shown, clicks = insights.shown_at[rank], insights.clicked_at[rank]
        if shown or clicks:
            rows.append((rank, shown, clicks, round(clicks / shown, 4) if shown else None))
    return rows


def _clicks(insights: Insights, document: str) -> int:
    return sum(each.actions["click", document] for each in insights.queries.values())


def _rounded(cosine: float | None) -> float | None:
    return None if cosine is None else round(cosine, 3)
