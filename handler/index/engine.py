"""The seam between searching and what an index is kept in: all that a search asks of an engine.

`IndexVersion`, the files in the function, was the first engine. Nothing of search, API, page, gates
or versions knows which one answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

from tantivy import TextAnalyzer

from handler.corpus.document import Document
from handler.encoder import Vectors
from handler.index.arrays import Floats, Rows, Scores
from handler.index.manifest import IndexManifest
from handler.index.rules import Rules

# What makes stems of a text, in the language of an index.
Analyzer = TextAnalyzer

# What an engine made of a filter or of words. Only the same engine looks into it.
Condition = Any

# Words and phrases that stand for a sequence of stems.
Alternatives = Mapping[tuple[str, ...], Sequence[str]]

FacetsOf = Literal["everything", "candidates"]
Bounded = Literal["$gt", "$gte", "$lt", "$lte"]
Pattern = Literal["$startsWith", "$contains", "$ieq"]


@dataclass(frozen=True, slots=True)
class Nearest:
    """Documents by descending cosine of their best passage; three arrays of one length."""

    documents: Rows
    passages: Rows
    cosines: Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class WordQuery:
    """How the words of a query are searched for.

    `query` is None where there is no word. `terms` are all stems that it looks for, and `corrected`
    has the right spelling of each word that was taken for a misspelling.
    """

    query: Condition | None = None
    terms: list[str] = field(default_factory=list)
    corrected: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FacetCount:
    """A value of a metadata field and how many documents have it."""

    value: str | int | float | bool
    documents: int


# Least, greatest and mean value, and a histogram of (start, end, count).
Spread = tuple[float, float, float, list[tuple[float, float, int]]]


class Completions(Protocol):
    """Completes what somebody types."""

    def complete(self, typed: str, k: int, /, *, forgiving: bool = True) -> list[str]:
        """Return `k` completions at most, the best first."""


class Conditions(Protocol):
    """Makes an engine's conditions. Names are of metadata fields, values of their types.

    Dates are numbers, see `date_number`. All methods may raise InvalidRequest for what the engine
    can't do.
    """

    def everything(self) -> Condition:
        """Match all documents."""

    def nothing(self) -> Condition:
        """Match no document."""

    def all_of(self, parts: Sequence[Condition]) -> Condition:
        """Match what matches all `parts`, of which there is one at least."""

    def any_of(self, parts: Sequence[Condition]) -> Condition:
        """Match what matches one of `parts`, of which there is one at least."""

    def none_of(self, part: Condition) -> Condition:
        """Match what does not match `part`."""

    def equal(self, name: str, value: Any) -> Condition:
        """Match a value, alone or in a list."""

    def bounded(self, name: str, operator: Bounded, value: float) -> Condition:
        """Match numbers and dates on one side of a value."""

    def like(self, name: str, operator: Pattern, text: str) -> Condition:
        """Match strings that begin with a text, contain it, or are equal but for their case."""

    def exists(self, name: str) -> Condition:
        """Match documents that have the field."""

    def ids(self, ids: Sequence[str]) -> Condition:
        """Match documents by their ids."""

    def phrase(self, text: str) -> Condition | None:
        """Match the words of `text` side by side; None where it has no word."""

    def words_in(self, name: str, text: str) -> Condition | None:
        """Match the words of `text` in a field, `title` or `id`; None where it has no word."""


class Engine(Protocol):
    """One published version of an index, as searches see it. Documents and passages have rows."""

    @property
    def manifest(self) -> IndexManifest:
        """What the version consists of."""

    @property
    def rules(self) -> Rules:
        """The rules of the index when it was last looked at."""

    @property
    def suggestions(self) -> Completions:
        """The completions of what somebody types."""

    @property
    def stems(self) -> Analyzer:
        """What makes stems of a text, in the language of the index."""

    @property
    def conditions(self) -> Conditions:
        """What makes conditions on its documents."""

    @property
    def facets_of(self) -> FacetsOf:
        """What facets, sorts and totals look at."""

    def with_rules(self, rules: Rules) -> Self:
        """Return the same version with other rules."""

    def words(
        self, text: str, *, verbatim: bool, typing: bool, alternatives: Alternatives
    ) -> WordQuery:
        """Return how to search for what somebody typed; see `word_query`."""

    def nearest(self, vector: Vectors, n: int, condition: Condition | None = None) -> Nearest:
        """Return the `n` documents nearest to `vector`, shape (dimension,), that match."""

    def best_passages(self, vector: Vectors, documents: Rows) -> Nearest:
        """Return the best passage of each of `documents` for `vector`, shape (dimension,)."""

    def matching(
        self, words: Condition | None, n: int, condition: Condition | None = None
    ) -> tuple[Rows, Scores]:
        """Return the `n` documents of highest BM25 score that match, best first, and the scores."""

    def vectors_of(self, passages: Rows) -> Vectors:
        """Return the vectors of some passages, shape (passages, dimension)."""

    def passages_of(self, documents: Rows) -> Rows:
        """Return the rows of the passages of `documents`, those of one document side by side."""

    def span(self, passage: int) -> tuple[int, int]:
        """Return the characters of its document's text that a passage covers."""

    def document(self, row: int) -> Document:
        """Return the stored document of a row."""

    def documents_at(self, rows: Rows) -> list[Document]:
        """Return the stored documents of some rows, in this order."""

    def row_of(self, document_id: str) -> int | None:
        """Return the row of a document by its id, or None."""

    def rows_after(self, row: int, condition: Condition | None, k: int) -> Rows:
        """Return the first `k` rows greater than `row` that match, ascending."""

    def rows_matching(self, condition: Condition, limit: int) -> Rows:
        """Return the first `limit` rows that match, ascending."""

    def among(self, condition: Condition, rows: Rows) -> Rows:
        """Return those of `rows` that match, ascending."""

    def matched(
        self, words: Condition | None, rows: Rows | None, condition: Condition | None
    ) -> Condition:
        """Return what is counted and sorted: has the words or is among `rows`, and matches."""

    def count(self, matched: Condition) -> int:
        """Return how many documents match."""

    def sorted_rows(self, matched: Condition, name: str, descending: bool, limit: int) -> Rows:
        """Return the first `limit` rows that match, by a field; rows without it last."""

    def numbers(self, name: str, rows: Rows) -> Floats:
        """Return the first value of a number, date or truth in each row, shape (rows,), or nan."""

    def facet(
        self, matched: Condition, name: str, limit: int, containing: str = ""
    ) -> list[FacetCount]:
        """Return the `limit` most frequent values of a field in documents that match.

        Strings may be required to contain a text, in upper or lower case.
        """

    def spread(self, matched: Condition, name: str, bins: int, *, whole: bool) -> Spread | None:
        """Return the spread of a field of numbers, in `bins` bins at most, or None for no value."""
