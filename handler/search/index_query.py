"""A request as an index understands it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handler.encoder import Vectors
from handler.errors import InvalidRequest
from handler.index.engine import Condition
from handler.search.apply_rules import AppliedRules
from handler.search.highlight import Allowance
from handler.search.request import SearchRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexQuery:
    """A request as the index understands it.

    `condition` is the part of the filter that the query's own syntax and the rules set. `text` is
    what is left of the query to search for: nothing if it was all syntax. `vector`, shape
    (dimension,), is None in keyword mode, and `keyword_query` in semantic mode or where the query
    has no words. `allowance` is for highlights. `terms` are the stems that it looks for.
    """

    request: SearchRequest
    text: str
    vector: Vectors | None
    keyword_query: Condition | None
    filter_query: Condition | None
    allowance: Allowance
    terms: list[str]
    rules: AppliedRules
    condition: Condition | None = None

    @property
    def browsed(self) -> Condition | None:
        """What all hits must match if nothing is searched for; None if something is."""
        return None if self.text or self.vector is not None else self.filter_query


def unit_vector(numbers: Sequence[float], dimension: int) -> Vectors:
    """Return a caller's vector as an embedding of length 1, shape (dimension,).

    Raises:
        InvalidRequest: it has another length, or no direction.
    """
    vector = np.array(numbers, np.float32)
    if len(vector) != dimension:
        raise InvalidRequest(f"vector has {len(vector)} numbers; this index has {dimension}")
    length = float(np.linalg.norm(vector))
    if not 0 < length < np.inf:
        raise InvalidRequest("vector has no direction: all its numbers are 0, or one is too large")
    unit: Vectors = vector / np.float32(length)
    return unit
