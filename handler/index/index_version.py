"""One index version, opened read-only by mmap: vectors, passages, documents and text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from handler.corpus.document import Document
from handler.errors import IndexUnavailable
from handler.files import check_file
from handler.index.arrays import Rows, rows_between
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.suggestions import Suggestions
from handler.index.text_index import TextIndex
from handler.index.vectors import VectorIndex

# `text` hashes what was encoded, `content` the whole document: later runs compare them.
DOCUMENT = np.dtype(
    [("segment", "<u4"), ("place", "<u4"), ("passage", "<u4"), ("text", "V16"), ("content", "V16")]
)
PASSAGE = np.dtype([("document", "<u4"), ("start", "<u4"), ("end", "<u4")])

Table = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexVersion:
    """An index version. Documents have rows from 0, and so have passages.

    `owners` has the document of each passage; document i has passages bounds[i] to bounds[i + 1].
    """

    manifest: IndexManifest
    vectors: VectorIndex
    text: TextIndex
    documents: Table
    passages: Table
    owners: Rows
    bounds: Rows
    suggestions: Suggestions

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the version in `folder` after checking every file against the manifest.

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
            check_file(folder, name, entry, IndexUnavailable)
        documents = _table(folder / IndexFiles.DOCUMENTS, DOCUMENT, manifest.documents)
        passages = _table(folder / IndexFiles.PASSAGES, PASSAGE, manifest.passages)
        places = np.stack([documents["segment"], documents["place"]], axis=1)
        return cls(
            manifest=manifest,
            vectors=VectorIndex.open(folder, manifest.precision, manifest.dimension),
            text=TextIndex.open(folder / IndexFiles.TEXT, places, manifest.language),
            documents=documents,
            passages=passages,
            owners=passages["document"].astype(np.int64),
            bounds=np.append(documents["passage"], len(passages)).astype(np.int64),
            suggestions=Suggestions.open(folder / IndexFiles.SUGGESTIONS),
        )

    def passages_of(self, documents: Rows) -> Rows:
        """Return the rows of the passages of `documents`, those of one document side by side."""
        return rows_between(self.bounds, documents)

    def document(self, row: int) -> Document:
        """Return the stored document of a row."""
        return self.text.document(row)

    def span(self, passage: int) -> tuple[int, int]:
        """Return the characters of its document's text that a passage covers."""
        entry: Any = self.passages[passage]
        return int(entry["start"]), int(entry["end"])


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
