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


# NumPy's own set functions import numpy.ma, which takes 20 ms of a function's start.


def are_among(rows: Rows, others: Rows) -> npt.NDArray[np.bool_]:
    """Tell for each of `rows` whether it is one of `others`; both are in any order."""
    if not len(others):
        return np.zeros(len(rows), bool)
    known = np.sort(others)
    places = np.minimum(np.searchsorted(known, rows), len(known) - 1)
    found: npt.NDArray[np.bool_] = known[places] == rows
    return found


def first_places(values: Rows) -> Rows:
    """Return the places, ascending, at which each of the distinct `values` comes first."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.ones(len(values), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return np.sort(order[new])
