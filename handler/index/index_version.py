"""One index version, opened read-only by mmap: vectors, passages, documents and text."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from tantivy import Occur, Query, TextAnalyzer

from handler.corpus.document import Document
from handler.encoder import Vectors
from handler.errors import IndexUnavailable
from handler.files import check_file
from handler.index.arrays import Floats, Rows, Scores, are_among, first_places, rows_between
from handler.index.block_file import NOTHING_REMOTE, Remote, open_file
from handler.index.document_store import DocumentStore
from handler.index.engine import Alternatives, FacetCount, FacetsOf, Nearest, Spread, WordQuery
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.rules import NO_RULES, Rules
from handler.index.suggestions import Suggestions
from handler.index.text_conditions import TextConditions
from handler.index.text_index import TextIndex
from handler.index.text_writer import field_name
from handler.index.vectors import CANDIDATES_EACH, LIKELIER_EACH, VectorIndex
from handler.index.word_query import word_query

# `passage` is the first one, `stored` the place of the group that holds the document.
DOCUMENT = np.dtype([("passage", "<u4"), ("stored", "<u8")])
# `text` hashes what was encoded, `content` the whole document: later runs compare them.
HASHES = np.dtype([("text", "V16"), ("content", "V16")])
PASSAGE = np.dtype([("document", "<u4"), ("start", "<u4"), ("end", "<u4")])
ORDER = np.dtype("<u4")

# Documents that are in memory while many are read.
READ_AT_ONCE = 100

Table = npt.NDArray[Any]

# If a filter matches at most so many documents, their vectors are scanned. If it matches more, more
# passages than needed are searched for, and those that don't match are dropped.
FILTER_SCAN = 10_000
# Most passages that are searched for by compact codes; beyond, all vectors are compared.
WIDEST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexVersion:
    """An index version, the engine inside the function. Documents and passages have rows from 0.

    Methods that are not explained here have the contract of `Engine`.

    `rules` are not part of the version: they are those of the index when it was last looked at.
    Rows go on from segment to segment, and a document keeps its own until all is rewritten. `order`
    has the rows of the documents in the order of the corpus; other rows belong to documents that
    are gone. `rows` has the same rows ascending. `owners` has the document of each passage;
    document i has passages bounds[i] to bounds[i + 1]. `folder` is where the version was opened.
    """

    folder: Path
    manifest: IndexManifest
    order: Rows
    rows: Rows
    vectors: VectorIndex
    text: TextIndex
    stored: DocumentStore
    documents: Table
    passages: Table
    owners: Rows
    bounds: Rows
    suggestions: Suggestions
    rules: Rules = NO_RULES

    @classmethod
    def open(
        cls, folder: Path, checked: Collection[str] = (), remote: Remote = NOTHING_REMOTE
    ) -> Self:
        """Open the version in `folder` after checking its files against the manifest.

        Files whose sha256 is among `checked` are not read again. Those that are `remote`, by their
        paths, and those for the next run may be missing.

        Raises:
            IndexUnavailable: a file is missing, truncated, altered, or of a newer format.
        """
        path = folder / IndexFiles.MANIFEST
        try:
            manifest = IndexManifest.parse(path.read_bytes(), str(path))
        except OSError as cause:
            raise IndexUnavailable(
                f"{path} can't be read: {cause.strerror}; index the corpus again"
            ) from cause
        manifest.check_format(str(path))
        for name, entry in manifest.files.items():
            path = folder / name
            optional = path in remote or (path.name == IndexFiles.HASHES and not path.exists())
            if not optional and entry.sha256 not in checked:
                check_file(folder, name, entry, IndexUnavailable)
        segments = [folder / IndexFiles.segment(at) for at in range(len(manifest.segments))]
        sizes = manifest.segments
        documents = _tables(segments, IndexFiles.DOCUMENTS, DOCUMENT, [n for n, _ in sizes])
        passages = _tables(segments, IndexFiles.PASSAGES, PASSAGE, [n for _, n in sizes])
        order = _table(folder / IndexFiles.ORDER, ORDER, manifest.documents).astype(np.int64)
        if order.max(initial=-1) >= len(documents):
            raise IndexUnavailable(
                f"{folder / IndexFiles.ORDER} names documents that no segment has; "
                "index the corpus again"
            )
        bounds = np.append(documents["passage"], len(passages)).astype(np.int64)
        rows = np.sort(order)
        live = rows_between(bounds, rows) if len(rows) < len(documents) else None
        vectors = VectorIndex.open(segments, manifest.precision, manifest.dimension, live, remote)
        return cls(
            folder=folder,
            manifest=manifest,
            order=order,
            rows=rows,
            vectors=vectors,
            text=TextIndex.open(folder / IndexFiles.TEXT, manifest.language),
            stored=_stored(segments, documents["stored"].astype(np.int64), remote),
            documents=documents,
            passages=passages,
            owners=passages["document"].astype(np.int64),
            bounds=bounds,
            suggestions=Suggestions.open(folder / IndexFiles.SUGGESTIONS),
        )

    @property
    def facets_of(self) -> FacetsOf:
        """What facets look at."""
        return "everything"

    @property
    def stems(self) -> TextAnalyzer:
        """What makes stems of a text."""
        return self.text.words

    @property
    def conditions(self) -> TextConditions:
        """What makes conditions on its documents."""
        return TextConditions(self.manifest.schema, self.text)

    def with_rules(self, rules: Rules) -> Self:
        """Return the same version with other rules."""
        return replace(self, rules=rules)

    def words(
        self, text: str, *, verbatim: bool, typing: bool, alternatives: Alternatives
    ) -> WordQuery:
        """Return how to search for what somebody typed."""
        return word_query(
            self.text, text, verbatim=verbatim, typing=typing, alternatives=alternatives
        )

    def nearest(self, vector: Vectors, n: int, condition: Query | None = None) -> Nearest:
        """Return the `n` documents nearest to `vector`, shape (dimension,), that match."""
        if condition is None:
            return self._widening(vector, n, None, len(self.order))
        count = self.text.count(condition)
        if count > FILTER_SCAN and self.vectors.approximate:
            return self._widening(vector, n, condition, count)
        if count:
            rows = self.passages_of(self.text.rows(condition, count))
        else:
            rows = np.empty(0, np.int64)
        return self._group(rows, self.vectors.cosines(vector, rows), n)

    def best_passages(self, vector: Vectors, documents: Rows) -> Nearest:
        """Return the best passage of each of `documents` for `vector`, shape (dimension,)."""
        if not len(documents):
            return Nearest(documents, documents, np.empty(0, np.float32))
        rows = self.passages_of(documents)
        return self._group(rows, self.vectors.cosines(vector, rows), len(documents))

    def matching(
        self, words: Query | None, n: int, condition: Query | None = None
    ) -> tuple[Rows, Scores]:
        """Return the `n` documents of highest BM25 score that match, best first, and the scores."""
        if words is None:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        return self.text.search(words if condition is None else _both(words, condition), n)

    def vectors_of(self, passages: Rows) -> Vectors:
        """Return the vectors of some passages, shape (passages, dimension)."""
        return self.vectors.vectors(passages)

    def passages_of(self, documents: Rows) -> Rows:
        """Return the rows of the passages of `documents`, those of one document side by side."""
        return rows_between(self.bounds, documents)

    def document(self, row: int) -> Document:
        """Return the stored document of a row; see `documents_at`."""
        return self.documents_at(np.array([row]))[0]

    def documents_at(self, rows: Rows) -> list[Document]:
        """Return the stored documents at `rows`, in that order.

        Raises:
            StoreError: they have to be fetched, and can't be.
        """
        return self.stored.read(rows)

    def read_each(self, rows: Rows) -> Iterator[Document]:
        """Yield the stored documents at any number of `rows`, in that order.

        Raises:
            StoreError: they have to be fetched, and can't be.
        """
        for start in range(0, len(rows), READ_AT_ONCE):
            yield from self.documents_at(rows[start : start + READ_AT_ONCE])

    def hashes(self) -> Table:
        """Return the hashes of all documents, by row, as `HASHES`.

        Raises:
            IndexUnavailable: they are not here; the function that answers doesn't fetch them.
        """
        sizes = self.manifest.segments
        folders = [self.folder / IndexFiles.segment(at) for at in range(len(sizes))]
        return _tables(folders, IndexFiles.HASHES, HASHES, [rows for rows, _ in sizes])

    def span(self, passage: int) -> tuple[int, int]:
        """Return the characters of its document's text that a passage covers."""
        entry: Any = self.passages[passage]
        return int(entry["start"]), int(entry["end"])

    def row_of(self, document_id: str) -> int | None:
        """Return the row of a document by its id, or None."""
        return self.text.row_of(document_id)

    def rows_after(self, row: int, condition: Query | None, k: int) -> Rows:
        """Return the first `k` rows greater than `row` that match, ascending."""
        if condition is None:
            start = int(np.searchsorted(self.rows, row, "right"))
            return self.rows[start : start + k]
        if row >= 0:
            condition = self.conditions.all_of([self.text.after(row), condition])
        return self.text.rows(condition, k)

    def rows_matching(self, condition: Query, limit: int) -> Rows:
        """Return the first `limit` rows that match, ascending."""
        return self.text.rows(condition, limit)

    def among(self, condition: Query, rows: Rows) -> Rows:
        """Return those of `rows` that match, ascending."""
        return self.text.rows_among(condition, rows)

    def matched(self, words: Query | None, rows: Rows | None, condition: Query | None) -> Query:
        """Return what is counted and sorted: has the words or is among `rows`, and matches."""
        parts = [] if words is None else [words]
        if rows is not None:
            parts.append(self.text.any_row(rows))
        if parts:
            matched = Query.boolean_query([(Occur.Should, part) for part in parts])
        else:
            matched = Query.empty_query()
        return matched if condition is None else _both(matched, condition)

    def count(self, matched: Query) -> int:
        """Return how many documents match."""
        return self.text.count(matched)

    def sorted_rows(self, matched: Query, name: str, descending: bool, limit: int) -> Rows:
        """Return the first `limit` rows that match, by a field; rows without it last."""
        return self.text.sorted_rows(matched, self._field(name), descending, limit)

    def numbers(self, name: str, rows: Rows) -> Floats:
        """Return the first value of a number, date or truth in each row, shape (rows,), or nan."""
        return self.text.numbers(self._field(name), rows)

    def facet(
        self, matched: Query, name: str, limit: int, containing: str = ""
    ) -> list[FacetCount]:
        """Return the `limit` most frequent values of a field in documents that match."""
        kind = self.manifest.schema[name].kind
        return self.text.facet(matched, self._field(name), kind, limit, containing)

    def spread(self, matched: Query, name: str, bins: int, *, whole: bool) -> Spread | None:
        """Return the spread of a field of numbers, in `bins` bins at most, or None for no value."""
        return self.text.spread(matched, self._field(name), bins, whole=whole)

    def _field(self, name: str) -> str:
        return field_name(self.manifest.schema, name)

    def _widening(self, vector: Vectors, n: int, condition: Query | None, count: int) -> Nearest:
        """Search for more and more passages, until they belong to `n` documents that match.

        `count` is the number of documents that match, or of all documents without a condition.
        """
        total = len(self.vectors)
        k = min(total, int(1.5 * n * total / max(count, 1)) + 1)
        while True:
            # A filter leaves few of the rows that are found, and those are to be the nearest.
            each = LIKELIER_EACH if condition is None else CANDIDATES_EACH
            rows, cosines = self.vectors.search(vector, k, each)
            if condition is not None:
                owners = self.owners[rows]
                distinct = owners[first_places(owners)]
                kept = are_among(owners, self.text.rows_among(condition, distinct))
                rows, cosines = rows[kept], cosines[kept]
            found = self._group(rows, cosines, n)
            if len(found.documents) >= min(n, count) or k >= total:
                return found
            k = total if k > WIDEST else min(total, 4 * k)

    def _group(self, rows: Rows, cosines: Scores, n: int) -> Nearest:
        """Return the best passage of each document, of the `n` best documents.

        `rows` are passages and `cosines` theirs, both shape (passages,).
        """
        order = np.lexsort((rows, -cosines))
        rows, cosines = rows[order], cosines[order]
        owners = self.owners[rows]
        if len(self.documents) < len(self.passages):
            first = first_places(owners)[:n]
        else:  # one passage per document
            first = np.arange(min(n, len(rows)))
        return Nearest(owners[first], rows[first], cosines[first])


def _both(words: Query, condition: Query) -> Query:
    """Return the query for documents that match both, scored by the words alone."""
    filtered = Query.const_score_query(condition, 0.0)
    return Query.boolean_query([(Occur.Must, words), (Occur.Must, filtered)])


def _stored(segments: Sequence[Path], places: Rows, remote: Remote) -> DocumentStore:
    try:
        files = [open_file(folder / IndexFiles.STORED, remote) for folder in segments]
    except OSError as cause:
        raise IndexUnavailable(
            f"{cause.filename} can't be read: {cause.strerror}; index the corpus again"
        ) from cause
    return DocumentStore(files, places)


def _tables(
    segments: Sequence[Path], name: str, dtype: np.dtype[Any], lengths: Sequence[int]
) -> Table:
    """Return a table of all segments, each of its length."""
    parts = zip(segments, lengths, strict=True)
    return np.concatenate([_table(folder / name, dtype, length) for folder, length in parts])


def _table(path: Path, dtype: np.dtype[Any], length: int) -> Table:
    try:
        table = np.fromfile(path, dtype)
    except OSError as cause:
        raise IndexUnavailable(
            f"{path} can't be read: {cause.strerror}; index the corpus again"
        ) from cause
    if len(table) != length:
        raise IndexUnavailable(
            f"{path} has {len(table)} entries, its manifest says {length}; index the corpus again"
        )
    return table
