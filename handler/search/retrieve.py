"""Candidates for an answer: by meaning, from the vectors, or by words, from the text index."""

from dataclasses import dataclass

import numpy as np
from tantivy import Occur, Query

from handler.encoder import Vectors
from handler.index.arrays import Rows, Scores, are_among, first_places
from handler.index.index_version import IndexVersion

# If a filter matches at most so many documents, their vectors are scanned. If it matches more, more
# passages than needed are searched for, and those that don't match are dropped.
FILTER_SCAN = 10_000
# Most passages that are searched for by compact codes; beyond, all vectors are compared.
WIDEST = 20_000


@dataclass(frozen=True, slots=True)
class Nearest:
    """Documents by descending cosine of their best passage; three arrays of one length."""

    documents: Rows
    passages: Rows
    cosines: Scores


def nearest(
    index: IndexVersion, vector: Vectors, n: int, filter_query: Query | None = None
) -> Nearest:
    """Return the `n` documents nearest to `vector`, shape (dimension,), that match the filter."""
    if filter_query is None:
        return _widening(index, vector, n, None, len(index.order))
    count = index.text.count(filter_query)
    if count > FILTER_SCAN and index.vectors.approximate:
        return _widening(index, vector, n, filter_query, count)
    if count:
        rows = index.passages_of(index.text.rows(filter_query, count))
    else:
        rows = np.empty(0, np.int64)
    return _group(index, rows, index.vectors.cosines(vector, rows), n)


def best_passages(index: IndexVersion, vector: Vectors, documents: Rows) -> Nearest:
    """Return the best passage of each of `documents` for `vector`, shape (dimension,)."""
    if not len(documents):
        return Nearest(documents, documents, np.empty(0, np.float32))
    rows = index.passages_of(documents)
    return _group(index, rows, index.vectors.cosines(vector, rows), len(documents))


def matching(
    index: IndexVersion, keyword_query: Query | None, n: int, filter_query: Query | None = None
) -> tuple[Rows, Scores]:
    """Return the `n` documents of highest BM25 score, best first, and their scores."""
    if keyword_query is None:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    query = keyword_query if filter_query is None else both(keyword_query, filter_query)
    return index.text.search(query, n)


def both(keyword_query: Query, filter_query: Query) -> Query:
    """Return the query for documents that match both, scored by the keywords alone."""
    filtered = Query.const_score_query(filter_query, 0.0)
    return Query.boolean_query([(Occur.Must, keyword_query), (Occur.Must, filtered)])


def _widening(
    index: IndexVersion, vector: Vectors, n: int, filter_query: Query | None, count: int
) -> Nearest:
    """Search for more and more passages, until they belong to `n` documents that match.

    `count` is the number of documents that match the filter, or of all documents without one.
    """
    total = len(index.vectors)
    k = min(total, int(1.5 * n * total / max(count, 1)) + 1)
    while True:
        rows, cosines = index.vectors.search(vector, k)
        if filter_query is not None:
            owners = index.owners[rows]
            distinct = owners[first_places(owners)]
            kept = are_among(owners, index.text.rows_among(filter_query, distinct))
            rows, cosines = rows[kept], cosines[kept]
        found = _group(index, rows, cosines, n)
        if len(found.documents) >= min(n, count) or k >= total:
            return found
        k = total if k > WIDEST else min(total, 4 * k)


def _group(index: IndexVersion, rows: Rows, cosines: Scores, n: int) -> Nearest:
    """Return the best passage of each document, of the `n` best documents.

    `rows` are passages and `cosines` theirs, both shape (passages,).
    """
    order = np.lexsort((rows, -cosines))
    rows, cosines = rows[order], cosines[order]
    owners = index.owners[rows]
    if len(index.documents) < len(index.passages):
        first = first_places(owners)[:n]
    else:  # one passage per document
        first = np.arange(min(n, len(rows)))
    return Nearest(owners[first], rows[first], cosines[first])
