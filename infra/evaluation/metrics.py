"""Measures of one ranking, as trec_eval defines them.

`gains` holds the grades of the hits in their order, shape (hits,), 0 where nobody judged; `grades` holds all
judged grades of the query, shape (judgments,). A document is relevant if its grade is 1 or more; grades below 0
count as 0. The query must have one relevant document at least.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def ndcg(gains: Floats, grades: Floats, k: int) -> float:
    """Return the discounted gain of the first `k` hits over that of the best order possible.

    This is trec_eval's ndcg_cut: gains are linear, the discount is log2(rank + 1). The idea is from Järvelin and
    Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20 (2002).
    """
    return _discounted(gains[:k]) / _discounted(np.sort(grades)[::-1][:k])


def recall(gains: Floats, grades: Floats, k: int) -> float:
    """Return the share of relevant documents among the first `k` hits: trec_eval's recall."""
    return int((gains[:k] > 0).sum()) / int((grades > 0).sum())


def reciprocal_rank(gains: Floats, k: int) -> float:
    """Return 1 over the rank of the first relevant hit, 0 if none is among the first `k`: trec_eval's recip_rank."""
    relevant = np.flatnonzero(gains[:k] > 0)
    return 1 / (1 + int(relevant[0])) if len(relevant) else 0.0


def _discounted(gains: Floats) -> float:
    return float((np.maximum(gains, 0) / np.log2(np.arange(2, len(gains) + 2))).sum())
