"""Measures of one ranking, as trec_eval defines them; nDCG is in handler/quality/ndcg.py.

`gains` holds the grades of the hits in their order, shape (hits,), 0 where nobody judged; `grades` holds all
judged grades of the query, shape (judgments,). A document is relevant if its grade is 1 or more; grades below 0
count as 0. The query must have one relevant document at least.
"""

import numpy as np

from handler.quality.ndcg import Floats


def recall(gains: Floats, grades: Floats, k: int) -> float:
    """Return the share of relevant documents among the first `k` hits: trec_eval's recall."""
    return int((gains[:k] > 0).sum()) / int((grades > 0).sum())


def reciprocal_rank(gains: Floats, k: int) -> float:
    """Return 1 over the rank of the first relevant hit, 0 if none is among the first `k`: trec_eval's recip_rank."""
    relevant = np.flatnonzero(gains[:k] > 0)
    return 1 / (1 + int(relevant[0])) if len(relevant) else 0.0
