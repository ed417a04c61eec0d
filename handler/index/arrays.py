"""Array types that vectors, text index and ranking share."""

import numpy as np
import numpy.typing as npt

# Row numbers of documents or of passages, shape (n,).
Rows = npt.NDArray[np.int64]
# Scores or cosines, shape (n,).
Scores = npt.NDArray[np.float32]
# The same, where it doesn't matter whether a computation widened them to float64.
Floats = npt.NDArray[np.floating]
# Quantized vectors, shape (n, dimension), int8 or float16.
Codes = npt.NDArray[np.generic]


def rows_between(bounds: Rows, items: Rows) -> Rows:
    """Return the rows of all `items` in turn; item i has the rows bounds[i] to bounds[i + 1]."""
    first = bounds[items]
    lengths = bounds[items + 1] - first
    starts = np.repeat(first - np.cumsum(lengths) + lengths, lengths)
    rows: Rows = starts + np.arange(lengths.sum())
    return rows
