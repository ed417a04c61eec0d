"""Run judged queries through the search that answers users, mode by mode, and measure them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handler.encoder import Encoder
from handler.index.engine import Engine
from handler.index.index_version import IndexVersion
from handler.quality.ndcg import Floats, ndcg
from handler.search.request import Mode, SearchRequest
from handler.search.searcher import Searcher
from infra.evaluation.dataset import JudgedQuery
from infra.evaluation.metrics import recall, reciprocal_rank

# Called after each answered query.
Tick = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All queries answered in one mode.

    `hits` has the ids of each query's hits, best first. `seconds` and the arrays of `scores`, one
    for each metric, have shape (queries,).
    """

    mode: Mode
    hits: list[list[str]]
    seconds: Floats
    scores: dict[str, Floats]

    def summary(self) -> dict[str, float]:
        """Return the mean of each metric, the total time, the rate, and latency percentiles."""
        total = float(self.seconds.sum())
        p50, p99 = 1000 * np.percentile(self.seconds, [50, 99])
        figures = {name: float(values.mean()) for name, values in self.scores.items()}
        figures |= {"seconds": total, "queries_per_second": len(self.seconds) / total}
        figures |= {"p50_ms": float(p50), "p99_ms": float(p99)}
        return {name: round(value, 6) for name, value in figures.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The runs of one evaluation in the order requested, with their queries, index and settings."""

    dataset: str
    queries: list[JudgedQuery]
    index: IndexVersion
    runs: list[Run]
    settings: dict[str, str | int]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the JSON file."""
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
    index: Engine,
    encoder: Encoder,
    queries: Sequence[JudgedQuery],
    mode: Mode,
    k: int,
    tick: Tick,
) -> Run:
    """Search `k` hits for each query, in one `mode`, and measure time and metrics.

    A document that has the id and the text of the query is left out of its hits.

    Args:
        index: the index version to search.
        encoder: the model that made it.
        queries: the judged queries, one at least.
        mode: how to search.
        k: number of hits.
        tick: called after each query.
    """
    # This searcher pays for what the process does once; the next has no query embeddings cached.
    Searcher(encoder).search(index, SearchRequest(query=queries[0].text, k=k, mode=mode))
    searcher = Searcher(encoder)
    hits, seconds = [], []
    for query in queries:
        itself = is_itself(index, query)
        started = time.perf_counter()
        answer = searcher.search(index, SearchRequest(query=query.text, k=k + itself, mode=mode))
        seconds.append(time.perf_counter() - started)
        ids = [hit.document.id for hit in answer.hits]
        hits.append([key for key in ids if not (itself and key == query.id)][:k])
        tick()
    return Run(mode=mode, hits=hits, seconds=np.array(seconds), scores=measure(hits, queries, k))


def is_itself(index: Engine, query: JudgedQuery) -> bool:
    """Tell whether the document that has the query's id is the query: their texts agree too."""
    row = index.row_of(query.id)
    if row is None:
        return False
    document = index.document(row)
    texts = (document.title, document.text, f"{document.title} {document.text}")
    return _normal(query.text) in map(_normal, texts)


def _normal(text: str) -> str:
    return " ".join(text.casefold().split())


def measure(
    hits: Sequence[Sequence[str]], queries: Sequence[JudgedQuery], k: int
) -> dict[str, Floats]:
    """Return the metrics of each query, as arrays of shape (queries,).

    `hits` has the ids found for each query, best first; `k` is how many were requested.
    """
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


def corpus_warnings(index: IndexVersion, queries: Sequence[JudgedQuery]) -> list[str]:
    """Return warnings: records left out of the index, strangers' ids, documents it lacks."""
    warnings = []
    if index.manifest.rejected:
        warnings.append(
            f"{index.manifest.rejected:,} records of the corpus were left out: "
            "they are empty or repeat an id"
        )
    strangers = sum(
        index.row_of(query.id) is not None and not is_itself(index, query) for query in queries
    )
    if strangers:
        have = "query has" if strangers == 1 else "queries have"
        warnings.append(
            f"{strangers:,} {have} the id of a document with another text, which stays among the hits"
        )
    judged = {document for query in queries for document in query.grades}
    unknown = sum(index.row_of(document) is None for document in judged)
    if unknown:
        known = f"{unknown:,} of {len(judged):,} judged documents are not in the corpus"
        warnings.append(f"{known}; the relevant ones count as not found")
    return warnings
