"""What is measured on a finished version before it may be published."""

import random

import numpy as np

from handler.corpus.passages import passage_text
from handler.encoder import Encoder
from handler.index.graph import Rows
from handler.index.index import IndexVersion
from handler.index.known import version_hashes
from handler.index.vectors import VectorIndex
from handler.search.retrieve import nearest

SAMPLE = 100
TOP = 10
# Of two passages with equal vectors, either may be found.
TIE = 1e-5


def sample(total: int, size: int) -> Rows:
    """Return up to `size` of the rows 0 to `total`, ascending, always the same ones."""
    # Python's own generator: NumPy's would add 3 MB to the package.
    rows: Rows = np.array(sorted(random.Random(0).sample(range(total), min(size, total))), np.int64)  # noqa: S311
    return rows


def self_retrieval(index: IndexVersion, encoder: Encoder) -> float:
    """Return the share of sampled documents that are found by their own first passage, among the nearest ten.

    It is low when vectors, passages and documents don't belong together, or to this encoder.
    """
    texts = version_hashes(index, "text")
    rows = sample(len(index.documents), SAMPLE)
    found = 0
    for row in rows.tolist():
        document = index.document(row)
        start, end = index.span(int(index.documents["passage"][row]))
        vector = encoder.encode([passage_text(document.title, document.text[start:end])], "query")[0]
        found += bool(np.isin(texts[row], texts[nearest(index, vector, TOP).documents]))
    return found / len(rows)


def graph_recall(vectors: VectorIndex) -> float:
    """Return the share of the ten nearest of sampled vectors that the graph finds; 1 where there is no graph."""
    if not vectors.has_graph:
        return 1.0
    exact, shares = vectors.exact(), []
    for query in vectors.vectors(sample(len(vectors), SAMPLE)):
        least = exact.search(query, TOP)[1][-1] - TIE
        shares.append(float((vectors.search(query, TOP)[1] >= least).mean()))
    return float(np.mean(shares))
