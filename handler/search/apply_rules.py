"""The rules of an index, made ready for its version, and applied to queries and rankings."""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from handler.errors import InvalidRequest
from handler.index.analysis import spaced
from handler.index.arrays import Rows, are_among
from handler.index.engine import Alternatives, Condition, Engine
from handler.index.rules import Rules, Synonyms
from handler.log import log
from handler.search.filters import FilterCompiler
from handler.search.fuse import Scale
from handler.search.ranking import Ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRules:
    """Rules as one version of an index understands them.

    `alternatives` are the synonyms by the stems of what they stand for, `pins` rows by query,
    `shown` matches all documents that are not hidden, and `boosts` are queries with their weights.
    """

    rules: Rules
    version: str
    alternatives: Alternatives
    pins: dict[str, list[int]]
    shown: Condition | None
    boosts: list[tuple[Condition, float]]

    @classmethod
    def of(cls, index: Engine) -> "AppliedRules":
        """Prepare the rules of an index; what does not fit its version is logged and left out."""
        rules = index.rules
        pins = {normal(pin.query): _rows(index, pin.ids) for pin in rules.pins}
        return cls(
            rules=rules,
            version=index.manifest.version,
            alternatives=_alternatives(index, rules.synonyms),
            pins=pins,
            shown=_all_but(index, rules.hidden) if rules.hidden else None,
            boosts=[
                (query, boost.weight)
                for boost in rules.boosts
                if (query := _compiled(index, boost.filter)) is not None
            ],
        )


def boosted(index: Engine, ranking: Ranking, applied: AppliedRules) -> Ranking:
    """Return the ranking after documents gained or lost what the boosts give them."""
    if not applied.boosts or not len(ranking.documents):
        return ranking
    scores = np.nan_to_num(ranking.scores)
    deviation = Scale.of(scores).deviation or 1.0
    for query, weight in applied.boosts:
        matching = index.among(query, ranking.documents)
        scores = scores + weight * deviation * are_among(ranking.documents, matching)
    order = np.lexsort((np.arange(len(scores)), -scores))
    return replace(ranking, scores=scores).take(order)


def pinned(
    index: Engine, ranking: Ranking, applied: AppliedRules, text: str, kept: Condition | None
) -> Ranking:
    """Return the ranking with the documents first that are pinned to a query, if `kept` matches."""
    wanted = applied.pins.get(normal(text), [])
    rows = np.array(wanted, np.int64)
    if kept is not None and len(rows):
        rows = rows[are_among(rows, index.among(kept, rows))]
    if not len(rows):
        return ranking
    rest: Rows = ranking.documents[~are_among(ranking.documents, rows)]
    return ranking.reordered(np.concatenate([rows, rest]))


def normal(query: str) -> str:
    """Return a query as pins compare it: in lower case, without surplus white space."""
    return " ".join(query.casefold().split())


def _alternatives(index: Engine, synonyms: tuple[Synonyms, ...]) -> Alternatives:
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for each in synonyms:
        for word in each.words:
            stems = tuple(index.stems.analyze(spaced(word)))
            others = each.to or [other for other in each.words if other != word]
            if stems:
                found[stems] += others
    return dict(found)


def _rows(index: Engine, ids: tuple[str, ...]) -> list[int]:
    found = [index.row_of(each) for each in dict.fromkeys(ids)]
    return [row for row in found if row is not None]


def _all_but(index: Engine, ids: tuple[str, ...]) -> Condition:
    return index.conditions.none_of(index.conditions.ids(ids))


def _compiled(index: Engine, condition: dict[str, object]) -> Condition | None:
    try:
        return FilterCompiler(index.manifest.schema, index.conditions, index).compile(condition)
    except InvalidRequest as problem:
        log("rule_ignored", index=index.manifest.name, problem=str(problem))
        return None
