"""nDCG: how good a ranking is, given the grades of relevant documents."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def ndcg(gains: Floats, grades: Floats, k: int) -> float:
    """Return the discounted gain of the first `k` hits, divided by that of the best possible order.

    This is trec_eval's ndcg_cut: gains are linear and the discount is log2(rank + 1). The idea is
    from Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20
    (2002). Grades below 0 count as 0.

    Args:
        gains: grades of the hits in their order, 0 where there is no judgment, shape (hits,).
        grades: all judged grades of the query, one of them positive, shape (judgments,).
        k: number of hits to look at.
    """
    return _discounted(gains[:k]) / _discounted(np.sort(grades)[::-1][:k])


def _discounted(gains: Floats) -> float:
    return float((np.maximum(gains, 0) / np.log2(np.arange(2, len(gains) + 2))).sum())
