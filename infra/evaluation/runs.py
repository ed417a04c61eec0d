"""Judged queries through the search that users get, one mode after the other, timed and measured."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handler.encoder import Encoder
from handler.index.index_version import IndexVersion
from handler.quality.ndcg import Floats, ndcg
from handler.search.answer import SearchRequest
from handler.search.ranking import Mode
from handler.search.searcher import Searcher
from infra.evaluation.dataset import JudgedQuery
from infra.evaluation.metrics import recall, reciprocal_rank

# Told that one more query has been answered.
Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Run:
    """The queries answered in one mode: per query the ids of its hits, the seconds it took, and its metrics.

    `seconds` and every array of `scores` have shape (queries,).
    """

    mode: Mode
    hits: list[list[str]]
    seconds: Floats
    scores: dict[str, Floats]

    def summary(self) -> dict[str, float]:
        """Return the mean of each metric, and how long the queries took."""
        total = float(self.seconds.sum())
        p50, p99 = 1000 * np.percentile(self.seconds, [50, 99])
        figures = {name: float(values.mean()) for name, values in self.scores.items()}
        figures |= {"seconds": total, "queries_per_second": len(self.seconds) / total}
        figures |= {"p50_ms": float(p50), "p99_ms": float(p99)}
        return {name: round(value, 6) for name, value in figures.items()}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that came out: the runs in the order asked for, on which queries and which index, with which settings."""

    dataset: str
    queries: list[JudgedQuery]
    index: IndexVersion
    runs: list[Run]
    settings: dict[str, str | int]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return what the JSON file holds."""
        return {
            "dataset": self.dataset,
            "documents": self.index.manifest.documents,
            "queries": len(self.queries),
            "modes": {run.mode: run.summary() for run in self.runs},
            "model": self.index.manifest.model,
            "settings": self.settings,
            "passages": self.index.manifest.passages,
        }


def run(
    index: IndexVersion,
    encoder: Encoder,
    queries: Sequence[JudgedQuery],
    mode: Mode,
    k: int,
    tick: Tick,
) -> Run:
    """Ask for `k` hits to each query. A query whose id is also a document's never gets that document."""
    # What the process does once is not measured; nor does one mode profit from vectors that another has cached.
    Searcher(encoder).search(index, SearchRequest(queries[0].text, k, mode=mode))
    searcher = Searcher(encoder)
    hits, seconds = [], []
    for query in queries:
        itself = index.text.row_of(query.id) is not None
        started = time.perf_counter()
        answer = searcher.search(index, SearchRequest(query.text, k + itself, mode=mode))
        seconds.append(time.perf_counter() - started)
        hits.append([hit.document.id for hit in answer.hits if hit.document.id != query.id][:k])
        tick()
    return Run(mode, hits, np.array(seconds), measure(hits, queries, k))


def measure(
    hits: Sequence[Sequence[str]], queries: Sequence[JudgedQuery], k: int
) -> dict[str, Floats]:
    """Return the metrics of the ids found for each query, as arrays of shape (queries,)."""
    rows = []
    for ids, query in zip(hits, queries, strict=True):
        gains = np.array([query.grades.get(key, 0) for key in ids], np.float64)
        grades = np.array(list(query.grades.values()), np.float64)
        rows.append(
            {
                "ndcg@10": ndcg(gains, grades, 10),
                "recall@10": recall(gains, grades, 10),
                f"recall@{k}": recall(gains, grades, k),
                "mrr@10": reciprocal_rank(gains, 10),
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def oddities(index: IndexVersion, queries: Sequence[JudgedQuery]) -> list[str]:
    """Return warnings: of records left out of the index, and of judged documents that it doesn't have."""
    warnings = []
    if index.manifest.rejected:
        warnings.append(
            f"{index.manifest.rejected:,} records of the corpus were left out: empty, or an id again"
        )
    judged = {document for query in queries for document in query.grades}
    unknown = sum(index.text.row_of(document) is None for document in judged)
    if unknown:
        known = f"{unknown:,} of {len(judged):,} judged documents are not in the corpus"
        warnings.append(f"{known}; relevant ones count as not found")
    return warnings
