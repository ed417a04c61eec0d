"""One index version, opened read-only by mmap: vectors, passages, documents and text."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from handler.corpus.document import Document
from handler.errors import IndexUnavailable
from handler.files import check_file
from handler.index.arrays import Rows, rows_between
from handler.index.block_file import MappedFile
from handler.index.document_store import DocumentStore
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.rules import NO_RULES, Rules
from handler.index.suggestions import Suggestions
from handler.index.text_index import TextIndex
from handler.index.vectors import VectorIndex

# `passage` is the first one, `stored` the place of the group that holds the document.
DOCUMENT = np.dtype([("passage", "<u4"), ("stored", "<u8")])
# `text` hashes what was encoded, `content` the whole document: later runs compare them.
HASHES = np.dtype([("text", "V16"), ("content", "V16")])
PASSAGE = np.dtype([("document", "<u4"), ("start", "<u4"), ("end", "<u4")])
ORDER = np.dtype("<u4")

# Documents that are in memory while many are read.
READ_AT_ONCE = 100

Table = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexVersion:
    """An index version. Documents have rows from 0, and so have passages.

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
    def open(cls, folder: Path, checked: Collection[str] = ()) -> Self:
        """Open the version in `folder` after checking its files against the manifest.

        Files whose sha256 is among `checked` are not read again.

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
            if entry.sha256 not in checked:
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
        vectors = VectorIndex.open(segments, manifest.precision, manifest.dimension, live)
        return cls(
            folder=folder,
            manifest=manifest,
            order=order,
            rows=rows,
            vectors=vectors,
            text=TextIndex.open(folder / IndexFiles.TEXT, manifest.language),
            stored=_stored(segments, documents["stored"].astype(np.int64)),
            documents=documents,
            passages=passages,
            owners=passages["document"].astype(np.int64),
            bounds=bounds,
            suggestions=Suggestions.open(folder / IndexFiles.SUGGESTIONS),
        )

    def passages_of(self, documents: Rows) -> Rows:
        """Return the rows of the passages of `documents`, those of one document side by side."""
        return rows_between(self.bounds, documents)

    def document(self, row: int) -> Document:
        """Return the stored document of a row; see `read`."""
        return self.read(np.array([row]))[0]

    def read(self, rows: Rows) -> list[Document]:
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
            yield from self.read(rows[start : start + READ_AT_ONCE])

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


def _stored(segments: Sequence[Path], places: Rows) -> DocumentStore:
    try:
        files = [MappedFile.open(folder / IndexFiles.STORED) for folder in segments]
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
