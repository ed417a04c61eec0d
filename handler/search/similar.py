"""Documents like some of an index, and unlike others."""

from collections.abc import Sequence

import numpy as np

from handler.encoder import Vectors
from handler.index.arrays import are_among
from handler.index.engine import Condition, Engine
from handler.search.answer import Hit
from handler.search.lookup import find

# How much what is unlike counts beside what is like.
UNLIKE_WEIGHT = 0.5


def similar_hits(
    index: Engine, like: Sequence[str], unlike: Sequence[str], k: int, shown: Condition | None
) -> list[Hit]:
    """Return the `k` documents nearest to some of the index, by the means of their passages.

    None of the documents named is returned. Source: Rocchio, 1971.

    Args:
        index: the version to search.
        like: ids of documents to find more of, one at least.
        unlike: ids of documents to keep away from.
        k: number of hits.
        shown: what hits must match, or None.

    Raises:
        DocumentNotFound: no document has one of these ids.
    """
    rows = {document_id: find(index, document_id) for document_id in [*like, *unlike]}
    wanted = np.mean([_mean_vector(index, rows[each]) for each in like], axis=0)
    if unlike:
        unwanted = np.mean([_mean_vector(index, rows[each]) for each in unlike], axis=0)
        wanted = wanted - UNLIKE_WEIGHT * unwanted
    wanted = wanted / (np.linalg.norm(wanted) or 1)
    near = index.nearest(wanted, k + len(rows), shown)
    named = np.array([*rows.values()], np.int64)
    kept = np.flatnonzero(~are_among(near.documents, named))[:k]
    documents = index.documents_at(near.documents[kept])
    found = zip(documents, near.passages[kept], near.cosines[kept], strict=True)
    return [
        Hit(document=document, score=float(cosine), passage=index.span(int(passage)))
        for document, passage, cosine in found
    ]


def _mean_vector(index: Engine, row: int) -> Vectors:
    """Return the mean of the vectors of a document's passages, shape (dimension,)."""
    mean: Vectors = index.vectors_of(index.passages_of(np.array([row]))).mean(axis=0)
    return mean
