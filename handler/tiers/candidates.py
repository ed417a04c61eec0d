"""What engines without counts of their own say of a search: facets, spreads and order of candidates."""

import copy
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from handler.corpus.document import Document
from handler.corpus.schema import date_text
from handler.index.arrays import Floats, Rows, Scores
from handler.index.engine import Condition, FacetCount, FacetsOf, Nearest, Spread
from handler.index.manifest import IndexManifest
from handler.index.rules import NO_RULES, Rules
from handler.index.words import Words

MOST = 1000
"""Documents of which facets are counted and which are sorted."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What facets are counted of: the best by words, and `rows`, as far as they match."""

    words: Condition | None
    rows: Rows | None
    condition: Condition | None


class NoSuggestions:
    """Completes nothing: no tier but the function has completions."""

    def complete(self, _typed: str, _k: int, /, *, forgiving: bool = True) -> list[str]:  # noqa: ARG002
        """Return no completion."""
        return []


class CandidateEngine(ABC):
    """The part of an engine that only counts and sorts candidates."""

    facets_of: FacetsOf = "candidates"

    def __init__(self, manifest: IndexManifest) -> None:
        """Take the manifest of the version."""
        self.manifest = manifest
        self.rules: Rules = NO_RULES
        self.suggestions = NoSuggestions()
        self._words = Words(manifest.language)

    def with_rules(self, rules: Rules) -> Self:
        """Return the same version with other rules."""
        other = copy.copy(self)
        other.rules = rules
        return other

    @property
    def stems(self) -> Any:
        """What makes stems of a text."""
        return self._words.words

    def document(self, row: int) -> Document:
        """Return the stored document of a row."""
        return self.documents_at(np.array([row], np.int64))[0]

    def matched(
        self, words: Condition | None, rows: Rows | None, condition: Condition | None
    ) -> Matched:
        """Return what is counted and sorted."""
        return Matched(words, rows, condition)

    def count(self, matched: Condition) -> int:
        """Return how many candidates match, or documents if no word was searched for."""
        if isinstance(matched, Matched):
            return len(self._candidates(matched))
        return self.count_rows(matched)

    def sorted_rows(self, matched: Condition, name: str, descending: bool, limit: int) -> Rows:
        """Return the first `limit` candidates by a field; those without it last."""
        rows = np.sort(self._candidates(matched))
        values = self._values(name, rows)
        known = [row for row in rows.tolist() if values.get(row)]
        known.sort(key=lambda row: values[row][0], reverse=descending)
        others = [row for row in rows.tolist() if not values.get(row)]
        return np.array([*known, *others][:limit], np.int64)

    def numbers(self, name: str, rows: Rows) -> Floats:
        """Return the first value of a number, date or truth in each row, shape (rows,), or nan."""
        values = self._values(name, rows)
        first = [values[row][0] if values.get(row) else np.nan for row in rows.tolist()]
        return np.array(first, np.float64)

    def facet(
        self, matched: Condition, name: str, limit: int, containing: str = ""
    ) -> list[FacetCount]:
        """Return the `limit` most frequent values of a field among the candidates."""
        found = self._values(name, self._candidates(matched)).values()
        counts = Counter(value for values in found for value in {*values})
        if containing:
            counts = Counter({v: n for v, n in counts.items() if containing.lower() in v.lower()})
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))[:limit]
        is_date = self.manifest.schema[name].kind == "date"
        return [FacetCount(date_text(v) if is_date else v, n) for v, n in ordered]

    def spread(self, matched: Condition, name: str, bins: int, *, whole: bool) -> Spread | None:
        """Return the spread of a field of numbers among the candidates, or None for no value."""
        found = self._values(name, self._candidates(matched)).values()
        numbers = np.array([value for values in found for value in values], np.float64)
        if not len(numbers):
            return None
        least, greatest = float(numbers.min()), float(numbers.max())
        width = (greatest - least) / bins or 1.0
        if whole:
            width = max(1.0, float(np.ceil((greatest - least + 1) / bins)))
        places = np.floor((numbers - least) / width).astype(np.int64)
        counts = np.bincount(places)
        edges = [(least + at * width, least + (at + 1) * width) for at in range(len(counts))]
        pairs = zip(edges, counts.tolist(), strict=True)
        return least, greatest, float(numbers.mean()), [(a, b, n) for (a, b), n in pairs]

    def _candidates(self, matched: Condition) -> Rows:
        if not isinstance(matched, Matched):
            return self.rows_matching(matched, MOST)
        found, _ = self.matching(matched.words, MOST, matched.condition)
        rows = found if matched.rows is None else matched.rows
        if matched.rows is not None and matched.condition is not None:
            rows = self.among(matched.condition, rows)
        return np.unique(np.concatenate([found, rows]))

    def _values(self, name: str, rows: Rows) -> dict[int, list[Any]]:
        """Return the values of a field by row; dates are numbers."""
        found: dict[int, list[Any]] = {}
        for row, value in zip(rows.tolist(), self.raw_values(name, rows), strict=True):
            values = value if isinstance(value, list) else [] if value is None else [value]
            found[row] = values
        return found

    @abstractmethod
    def raw_values(self, name: str, rows: Rows) -> Sequence[Any]:
        """Return the value of a field in each row: one, a list, or None; dates are numbers."""

    @abstractmethod
    def documents_at(self, rows: Rows) -> list[Document]:
        """Return the stored documents of some rows, in this order."""

    @abstractmethod
    def rows_matching(self, condition: Condition, limit: int) -> Rows:
        """Return the first `limit` rows that match, ascending."""

    @abstractmethod
    def count_rows(self, condition: Condition) -> int:
        """Return how many documents match."""

    @abstractmethod
    def among(self, condition: Condition, rows: Rows) -> Rows:
        """Return those of `rows` that match, ascending."""

    @abstractmethod
    def matching(
        self, words: Condition | None, n: int, condition: Condition | None = None
    ) -> tuple[Rows, Scores]:
        """Return the `n` documents of highest BM25 score that match, best first, and the scores."""


def best_of_each(documents: Rows, passages: Rows, cosines: Scores, n: int) -> Nearest:
    """Return the best passage of each document, of the `n` best documents.

    The arrays have a place for each passage.
    """
    order = np.lexsort((passages, -cosines))
    documents, passages, cosines = documents[order], passages[order], cosines[order]
    first = np.sort(np.unique(documents, return_index=True)[1])[:n]
    return Nearest(documents[first], passages[first], cosines[first])
