"""What a new version takes over from the one before, and the merging of segments."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from handler.corpus.hashes import Hashes
from handler.corpus.schema import Schema
from handler.files import FileEntry, link_files, remove_tree
from handler.index.arrays import Rows
from handler.index.embedding_cache import version_hashes
from handler.index.index_version import IndexVersion
from handler.index.manifest import IN_SEGMENTS, IndexFiles

# All is rewritten when more than this share of the rows is gone.
MAX_GONE = 0.2
# A segment is merged with the one before it while that one has fewer than so many times its rows.
# Each row is so rewritten a few times at most, and the number of segments stays small.
MERGE_BELOW = 2

Sizes = tuple[int, int]
"""Documents and passages of a segment."""


@dataclass(frozen=True, slots=True)
class Update:
    """A version that is built upon `base`.

    `rows` has the row that each document of the corpus has in `base`, -1 for those that are new or
    changed.
    """

    base: IndexVersion
    rows: Rows

    @classmethod
    def of(cls, base: IndexVersion, contents: Hashes, schema: Schema) -> Self | None:
        """Return the update to documents with these contents, or None if all is to be rewritten.

        That is so if the metadata has other fields, or if too many rows are gone.
        """
        if _kinds(schema) != _kinds(base.manifest.schema):
            return None
        known = version_hashes(base, "content")
        order = np.argsort(known)
        at = np.minimum(np.searchsorted(known, contents, sorter=order), len(known) - 1)
        found = order[at]
        rows = np.where(known[found] == contents, base.order[found], -1)
        total = len(base.documents) + int((rows < 0).sum())
        return cls(base, rows) if total - len(rows) <= MAX_GONE * total else None

    @property
    def gone(self) -> Rows:
        """Rows of the documents of `base` that the new version lacks."""
        return np.setdiff1d(self.base.order, self.rows)

    def files(self) -> dict[Path, FileEntry]:
        """Return the files of `base`, which was checked when it was opened, by absolute path."""
        entries = self.base.manifest.files.items()
        return {(self.base.folder / name).resolve(): entry for name, entry in entries}

    def order(self) -> Rows:
        """Return the rows of all documents; new ones follow the rows of `base`."""
        new = np.cumsum(self.rows < 0) - 1 + len(self.base.documents)
        return np.where(self.rows < 0, new, self.rows)

    def link_segments(self, folder: Path) -> list[Sizes]:
        """Link to the segments of `base` from a new version in `folder`; return their sizes."""
        for number in range(len(self.base.manifest.segments)):
            target = folder / IndexFiles.segment(number)
            target.mkdir(parents=True)
            link_files(self.base.folder / IndexFiles.segment(number), target)
        return [(documents, passages) for documents, passages in self.base.manifest.segments]


def _kinds(schema: Schema) -> list[tuple[str, str, bool]]:
    """Return what the text index depends on."""
    return [(name, field.kind, field.list) for name, field in schema.items()]


def merge_segments(folder: Path, sizes: Sequence[Sizes]) -> list[Sizes]:
    """Merge the last segments of the version in `folder` by size, and return what is left."""
    left = [*sizes]
    while len(left) > 1 and left[-2][0] < MERGE_BELOW * left[-1][0]:
        last = left.pop()
        _append(folder / IndexFiles.segment(len(left)), folder / IndexFiles.segment(len(left) - 1))
        left[-1] = (left[-1][0] + last[0], left[-1][1] + last[1])
    return left


def _append(last: Path, before: Path) -> None:
    """Make one segment of two; links to files of other versions are replaced."""
    for name in IN_SEGMENTS:
        merged = before / f"{name}.merged"
        with merged.open("wb") as target:
            for folder in (before, last):
                with (folder / name).open("rb") as source:
                    shutil.copyfileobj(source, target, 1 << 20)
        merged.replace(before / name)
    remove_tree(last)
