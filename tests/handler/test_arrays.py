"""Arrays of rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from handler.index.arrays import are_among, first_places

Numbers = st.lists(st.integers(0, 20), max_size=30)


@given(Numbers, Numbers)
def test_rows_among_others(rows: list[int], others: list[int]) -> None:
    found = are_among(np.array(rows, np.int64), np.array(others, np.int64))
    assert found.tolist() == [row in others for row in rows]


@given(Numbers)
def test_first_places(values: list[int]) -> None:
    places = first_places(np.array(values, np.int64)).tolist()
    assert places == [at for at, value in enumerate(values) if value not in values[:at]]
