"""What is measured on a finished version before it may be published."""

import random

import numpy as np

from handler.corpus.passages import context, passage_text
from handler.encoder import Encoder
from handler.index.arrays import Rows
from handler.index.index_version import IndexVersion
from handler.index.vectors import VectorIndex

SAMPLE = 100
TOP = 10
NONSENSE = 48
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Of two passages with equal vectors, a search may find either.
TIE = 1e-5


def sample(total: int, size: int) -> Rows:
    """Return up to `size` of the rows 0 to `total`, ascending, the same ones in every call."""
    # Python's own generator: NumPy's would add 3 MB to the package.
    rows: Rows = np.array(sorted(random.Random(0).sample(range(total), min(size, total))), np.int64)  # noqa: S311
    return rows


def self_retrieval(index: IndexVersion, encoder: Encoder) -> float:
    """Return the share of sampled documents that their own first passage finds among the top ten.

    It is low when vectors, passages and documents don't belong together, or not to this encoder.
    """
    rows = index.order[sample(len(index.order), SAMPLE)]
    return sum(_finds_itself(index, encoder, row) for row in rows.tolist()) / len(rows)


def _finds_itself(index: IndexVersion, encoder: Encoder, row: int) -> bool:
    document = index.document(row)
    passage = index.documents["passage"][row : row + 1].astype(np.int64)
    start, end = index.span(int(passage[0]))
    text = passage_text(context(document, start, end), document.text[start:end])
    vector = encoder.encode([text], "query")[0]
    tenth = index.vectors.search(vector, TOP)[1][-1]
    return bool(index.vectors.cosines(vector, passage)[0] >= tenth - TIE)


def noise_level(index: IndexVersion, encoder: Encoder) -> float:
    """Return the best cosine that three of four nonsense queries do not exceed.

    A query whose best hit is no closer than that found nothing by meaning.
    """
    rng = random.Random(0)  # noqa: S311
    best = []
    for _ in range(NONSENSE):
        words = [
            "".join(rng.choices(LETTERS, k=rng.randint(4, 10))) for _ in range(rng.randint(1, 3))
        ]
        vector = encoder.encode([" ".join(words)], "query")[0]
        best.append(float(index.vectors.search(vector, 1)[1][0]))
    return float(np.percentile(best, 75))


def search_recall(vectors: VectorIndex) -> float:
    """Return the share of the ten nearest of sampled vectors that a search finds.

    It is 1 where searches are exact.
    """
    if not vectors.approximate:
        return 1.0
    exact, shares = vectors.exact(), []
    for query in vectors.vectors(vectors.live[sample(len(vectors), SAMPLE)]):
        tenth = exact.search(query, TOP)[1][-1] - TIE
        shares.append(float((vectors.search(query, TOP)[1] >= tenth).mean()))
    return float(np.mean(shares))
