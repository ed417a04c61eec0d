"""Figures from the lines of the log: requests with their queries, and the events of people."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]

# Below this cosine, all-MiniLM-L6-v2 rarely finds what was meant.
LOW_COSINE = 0.3


def plain(query: str) -> str:
    """Return a query as it is counted: without regard to case and white space."""
    return " ".join(query.casefold().split())


@dataclass(slots=True, kw_only=True)
class QueryFigures:
    """What became of one query, over all its searches."""

    searches: int = 0
    without_hits: int = 0
    cosines: list[float] = field(default_factory=list)
    slowest_ms: float = 0.0
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often people did something (click, add, dismiss) with a document (its id)."""

    @property
    def cosine(self) -> float | None:
        """Mean cosine of the nearest passage, or None where no search had one."""
        return sum(self.cosines) / len(self.cosines) if self.cosines else None


@dataclass(slots=True, kw_only=True)
class Insights:
    """All figures; queries are known only where QUERYTOWER_LOG_QUERIES was on."""

    requests: int = 0
    queries: defaultdict[str, QueryFigures] = field(
        default_factory=lambda: defaultdict(QueryFigures)
    )
    recommended: Counter[str] = field(default_factory=Counter)
    """How often each document was among the first ten hits."""
    shown_at: Counter[int] = field(default_factory=Counter)
    """How often there was a hit at a rank, from 1 to 10."""
    clicked_at: Counter[int] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, lines: Iterable[Event]) -> "Insights":
        """Count the lines of the log, in any order."""
        insights = cls()
        queries_of: dict[str, str] = {}
        actions: list[Event] = []
        seen: set[tuple[Any, ...]] = set()
        for line in lines:
            if line["event"] == "request" and line.get("results"):
                insights._count_request(line, queries_of)
            elif line["event"] == "user_event":
                # The log and the store may both have it.
                key = tuple(str(line.get(name)) for name in KEY)
                if key not in seen:
                    seen.add(key)
                    actions.append(line)
        for action in actions:
            insights._count_action(action, queries_of)
        return insights

    def _count_request(self, line: Event, queries_of: dict[str, str]) -> None:
        self.requests += 1
        asked = [plain(str(query)) for query in line.get("queries", [])]
        for query, found in zip(asked, line["results"], strict=False):
            figures = self.queries[query]
            figures.searches += 1
            figures.without_hits += not found["hits"]
            figures.slowest_ms = max(figures.slowest_ms, float(line.get("total_ms", 0)))
            if found.get("cosine") is not None:
                figures.cosines.append(float(found["cosine"]))
            self.recommended.update(found["ids"])
            self.shown_at.update(range(1, len(found["ids"]) + 1))
        if len(asked) == 1:
            queries_of[str(line.get("request_id"))] = asked[0]

    def _count_action(self, action: Event, queries_of: dict[str, str]) -> None:
        kind, document = str(action.get("type")), str(action.get("document_id"))
        self.events[kind] += 1
        if kind == "click" and isinstance(action.get("rank"), int):
            self.clicked_at[action["rank"]] += 1
        query = queries_of.get(str(action.get("query_id")))
        if query is not None:
            self.queries[query].actions[kind, document] += 1

    def popular(self, most: int) -> list[tuple[str, QueryFigures]]:
        """Return the most frequent queries."""
        ordered = sorted(self.queries.items(), key=lambda item: (-item[1].searches, item[0]))
        return ordered[:most]

    def failing(self, most: int) -> list[tuple[str, QueryFigures]]:
        """Return the most frequent queries that found nothing."""
        found = {query: each for query, each in self.queries.items() if each.without_hits}
        return sorted(found.items(), key=lambda item: (-item[1].without_hits, item[0]))[:most]

    def distant(self, most: int, below: float = LOW_COSINE) -> list[tuple[str, QueryFigures]]:
        """Return the queries to which nothing in the corpus is close, the most distant first."""
        near = [(each.cosine, query) for query, each in self.queries.items()]
        far = sorted((cosine, query) for cosine, query in near if cosine is not None)
        return [(query, self.queries[query]) for cosine, query in far if cosine < below][:most]

    def slow(self, most: int) -> list[tuple[str, QueryFigures]]:
        """Return the queries that took longest at their slowest."""
        ordered = sorted(self.queries.items(), key=lambda item: (-item[1].slowest_ms, item[0]))
        return ordered[:most]


# What makes an event one of its own.
KEY = ("time", "index", "query_id", "document_id", "type", "rank")
