"""Candidates for an answer: documents by meaning, from the vectors, or by words, from the text index."""

from dataclasses import dataclass

import numpy as np
from tantivy import Occur, Query

from handler.encoder import Vectors
from handler.index.arrays import Rows, Scores
from handler.index.index_version import IndexVersion

# Up to so many documents that pass a filter are scanned exactly; above that the graph is searched wider.
FILTER_SCAN = 10_000
WIDEST = 20_000


@dataclass(frozen=True, slots=True)
class Nearest:
    """Documents by descending cosine of their best passage; three arrays of one length."""

    documents: Rows
    passages: Rows
    cosines: Scores


def nearest(index: IndexVersion, vector: Vectors, n: int, passing: Query | None = None) -> Nearest:
    """Return the `n` documents nearest to `vector`, among those that pass the filter if there is one."""
    if passing is None:
        return _widening(index, vector, n, None, len(index.documents))
    count = index.text.count(passing)
    if count > FILTER_SCAN and index.vectors.has_graph:
        return _widening(index, vector, n, passing, count)
    rows = index.passages_of(index.text.rows(passing, count)) if count else np.empty(0, np.int64)
    return _group(index, rows, index.vectors.cosines(vector, rows), n)


def best_passages(index: IndexVersion, vector: Vectors, documents: Rows) -> Nearest:
    """Return the best passage of each of `documents`."""
    if not len(documents):
        return Nearest(documents, documents, np.empty(0, np.float32))
    rows = index.passages_of(documents)
    return _group(index, rows, index.vectors.cosines(vector, rows), len(documents))


def matching(
    index: IndexVersion, words: Query | None, n: int, passing: Query | None = None
) -> tuple[Rows, Scores]:
    """Return the `n` documents of highest BM25 score, best first, and the scores."""
    if words is None:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    return index.text.search(words if passing is None else both(words, passing), n)


def both(words: Query, passing: Query) -> Query:
    """Return the query for documents that match `words` and pass a filter, scored by the words alone."""
    return Query.boolean_query(
        [(Occur.Must, words), (Occur.Must, Query.const_score_query(passing, 0.0))]
    )


def _widening(
    index: IndexVersion, vector: Vectors, n: int, passing: Query | None, count: int
) -> Nearest:
    """Search ever more passages until they make `n` documents; `count` documents pass in all."""
    total = len(index.passages)
    k = min(total, int(1.5 * n * total / max(count, 1)) + 1)
    while True:
        rows, cosines = index.vectors.search(vector, k)
        if passing is not None:
            kept = np.isin(
                index.owners[rows], index.text.rows_among(passing, np.unique(index.owners[rows]))
            )
            rows, cosines = rows[kept], cosines[kept]
        found = _group(index, rows, cosines, n)
        if len(found.documents) >= min(n, count) or k >= total:
            return found
        # The graph finds few of many passages well; what it does not find by then is scanned.
        k = total if k > WIDEST else min(total, 4 * k)


def _group(index: IndexVersion, rows: Rows, cosines: Scores, n: int) -> Nearest:
    """Keep the best passage of each document, and the `n` best documents."""
    order = np.lexsort((rows, -cosines))
    rows, cosines = rows[order], cosines[order]
    owners = index.owners[rows]
    if len(index.documents) < len(index.passages):
        first = np.sort(np.unique(owners, return_index=True)[1])[:n]
    else:
        first = np.arange(min(n, len(rows)))
    return Nearest(owners[first], rows[first], cosines[first])
