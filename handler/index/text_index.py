"""The text index opened for reading: BM25, and rows by id or filter."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import tantivy
from tantivy import Occur, Query

from handler.corpus.schema import Schema, date_text
from handler.errors import IndexUnavailable
from handler.index.analysis import spaced
from handler.index.arrays import Floats, Rows, Scores
from handler.index.engine import FacetCount
from handler.index.names import symbol_names
from handler.index.patterns import ANYTHING, pattern
from handler.index.text_writer import words_name
from handler.index.words import Words

# Words with one prefix that are read at most.
MAX_STARTING = 5_000


class TextIndex(Words):
    """A text index; `open` maps its files into memory."""

    def __init__(self, index: tantivy.Index, language: str) -> None:
        """Compose from an opened Tantivy index."""
        self.fields = index.schema
        self._searcher = index.searcher()
        super().__init__(language)

    @classmethod
    def open(cls, folder: Path, language: str) -> Self:
        """Open the text index in `folder`.

        Raises:
            IndexUnavailable: it can't be opened.
        """
        try:
            return cls(tantivy.Index.open(str(folder)), language)
        except (ValueError, OSError) as cause:
            raise IndexUnavailable(
                f"{folder} is no text index: {cause}; index the corpus again"
            ) from cause

    @property
    def segments(self) -> int:
        """How many segments Tantivy keeps."""
        return self._searcher.num_segments

    def row_of(self, document_id: str) -> int | None:
        """Return the row of a document by its id, or None."""
        rows = self.rows(Query.term_query(self.fields, "id", document_id), 1)
        return int(rows[0]) if len(rows) else None

    def rows(self, query: Query, limit: int) -> Rows:
        """Return the rows that match `query`, ascending, the first `limit` at most."""
        hits = self._searcher.search(
            query, limit, count=False, order_by_field="row", order=tantivy.Order.Asc
        ).hits
        return np.fromiter((row for row, _ in hits), np.int64, len(hits))

    def rows_among(self, query: Query, rows: Rows) -> Rows:
        """Return those of `rows` that match `query`, ascending."""
        return self.rows(
            Query.boolean_query([(Occur.Must, self.any_row(rows)), (Occur.Must, query)]), len(rows)
        )

    def any_row(self, rows: Rows) -> Query:
        """Return the query for the documents at `rows`."""
        # A union of terms is four times as fast as a term set here.
        terms = [(Occur.Should, Query.term_query(self.fields, "row", row)) for row in rows.tolist()]
        return Query.boolean_query(terms)

    def sorted_rows(self, query: Query, field: str, descending: bool, limit: int) -> Rows:
        """Return the first `limit` rows that match `query`, by `field`; rows without it last."""
        order = tantivy.Order.Desc if descending else tantivy.Order.Asc
        hits = self._searcher.search(
            query, limit, count=False, order_by_field=field, order=order
        ).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return np.array(rows, np.int64)

    def facet(
        self, query: Query, field: str, kind: str, limit: int, containing: str = ""
    ) -> list[FacetCount]:
        """Return the `limit` most frequent values of `field` in documents that match `query`.

        Strings may be required to contain a text, in upper or lower case.
        """
        terms: dict[str, Any] = {"field": field, "size": limit, "segment_size": 10 * limit}
        if containing:
            terms["include"] = pattern(containing, before=ANYTHING, after=ANYTHING, fold=True)
        buckets = self._searcher.aggregate(query, {"values": {"terms": terms}})["values"]["buckets"]
        read: dict[str, Callable[[Any], Any]] = {"boolean": bool, "date": date_text}
        return [
            FacetCount(read[kind](b["key"]) if kind in read else b["key"], b["doc_count"])
            for b in buckets
        ]

    def spread(
        self, query: Query, field: str, bins: int, *, whole: bool
    ) -> tuple[float, float, float, list[tuple[float, float, int]]] | None:
        """Return least, greatest and mean value of a field, and a histogram of (start, end, count).

        There are at most `bins` bins, and fewer for whole numbers that are close together. None is
        returned if no document that matches `query` has a value.
        """
        stats = self._searcher.aggregate(query, {"all": {"stats": {"field": field}}})["all"]
        if not stats["count"]:
            return None
        least, greatest = stats["min"], stats["max"]
        width = (greatest - least) / bins or 1.0
        if whole:
            width = max(1.0, float(np.ceil((greatest - least + 1) / bins)))
        histogram = {"field": field, "interval": width, "offset": least % width}
        found = self._searcher.aggregate(query, {"bins": {"histogram": histogram}})["bins"]
        edges = [
            (bucket["key"], bucket["key"] + width, bucket["doc_count"])
            for bucket in found["buckets"]
        ]
        return least, greatest, stats["avg"], edges

    def numbers(self, field: str, rows: Rows) -> Floats:
        """Return the first value of a number, date or truth in each row, shape (rows,), or nan."""
        hits = self._searcher.search(self.any_row(rows), max(len(rows), 1), count=False).hits
        addresses = [address for _, address in hits]
        found = self._searcher.fast_field_values("row", addresses)
        values = self._searcher.fast_field_values(field, addresses)
        known = {row: value for row, value in zip(found, values, strict=True) if value is not None}
        return np.array([known.get(row, np.nan) for row in rows.tolist()], np.float64)

    def after(self, row: int) -> Query:
        """Return the query for documents beyond a row."""
        kind = tantivy.FieldType.Unsigned
        return Query.range_query(self.fields, "row", kind, row, None, include_lower=False)

    def count(self, query: Query) -> int:
        """Return how many documents match `query`."""
        result: Any = self._searcher.search(query, 1, count=True)
        return int(result.count)

    def documents_with(self, stem: str) -> int:
        """Return how many documents have a word with this stem."""
        return int(self._searcher.doc_freq("all", stem))

    def documents_with_word(self, word: str) -> int:
        """Return how many documents have a word, which is `plain`."""
        return int(self._searcher.doc_freq("words", word))

    def words_starting(self, prefix: str) -> list[tuple[str, int]]:
        """Return the words with a prefix and how many documents have each, most frequent first."""
        return list(self._searcher.terms_with_prefix("words", prefix, limit=MAX_STARTING))

    def words_ending(self, suffix: str) -> list[tuple[str, int]]:
        """Return the words with an ending, like `words_starting`, of a language with compounds."""
        if not self.compounding:
            return []
        found = self._searcher.terms_with_prefix("tails", suffix[::-1], limit=MAX_STARTING)
        return [(word[::-1], documents) for word, documents in found]

    def named(self, name: str) -> Query | None:
        """Return the query for documents with a `name`, or None if there are none."""
        if not self._searcher.doc_freq("names", name):
            return None
        return Query.term_query(self.fields, "names", name, "freq")

    def phrase(self, text: str) -> Query | None:
        """Return the query for the words of `text` side by side, or None where it has no word."""
        words: list[Any] = self.words.analyze(spaced(text))
        if len(text.split()) == 1 and (symbols := symbol_names(text)):
            return self.named(self.name(symbols[0])) or Query.empty_query()
        if len(words) > 1:
            return Query.phrase_query(self.fields, "all", words)
        return Query.term_query(self.fields, "all", words[0], "freq") if words else None

    def value(self, schema: Schema, name: str, text: str) -> Query | None:
        """Return the query for documents that have the words of `text` in one field.

        The field is `title`, `id` or one of `schema` that holds strings or texts. None is returned where `text` has no word.
        """
        if name == "id":
            return Query.term_query(self.fields, "id", text)
        field = "title" if name == "title" and name not in schema else words_name(schema, name)
        words: list[Any] = self.words.analyze(spaced(text))
        if not words:
            return None
        each = [Query.term_query(self.fields, field, word, "basic") for word in words]
        return Query.boolean_query([(Occur.Must, part) for part in each])

    def search(self, query: Query, limit: int) -> tuple[Rows, Scores]:
        """Return the rows and scores of the `limit` best documents, best first."""
        hits = self._searcher.search(query, limit, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return np.array(rows, np.int64), np.array([score for score, _ in hits], np.float32)
