"""The documents in which two versions differ."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from handler.corpus.hashes import Hashes
from handler.corpus.spool import Spool
from handler.index.embedding_cache import version_hashes
from handler.index.index_version import IndexVersion

Ids = Callable[[npt.NDArray[np.bool_]], Iterable[str]]
"""Returns the ids of the documents that a mask of shape (documents,) selects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Sorted ids of the documents added, changed and removed, and how many stayed the same."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int

    @classmethod
    def of(cls, old: Hashes, old_ids: Ids, new: Hashes, new_ids: Ids) -> Self:
        """Compare documents by the hashes of their contents.

        Args:
            old: hashes before, shape (documents before,).
            old_ids: returns ids of those; only called for documents that differ.
            new: hashes now, shape (documents now,).
            new_ids: returns ids of those.
        """
        gone, come = ~np.isin(old, new), ~np.isin(new, old)
        before, after = set(old_ids(gone)), set(new_ids(come))
        return cls(
            added=sorted(after - before),
            changed=sorted(after & before),
            removed=sorted(before - after),
            unchanged=len(new) - int(come.sum()),
        )

    @classmethod
    def between(cls, old: IndexVersion, new: IndexVersion) -> Self:
        """Compare two index versions."""
        before, after = version_hashes(old, "content"), version_hashes(new, "content")
        return cls.of(before, _ids(old), after, _ids(new))

    @classmethod
    def planned(cls, old: IndexVersion, spool: Spool) -> Self:
        """Compare an index version with documents that are not indexed yet."""

        def ids(mask: npt.NDArray[np.bool_]) -> Iterable[str]:
            return (document.id for document in spool.select(mask))

        return cls.of(version_hashes(old, "content"), _ids(old), spool.contents, ids)


def _ids(index: IndexVersion) -> Ids:
    return lambda mask: (document.id for document in index.read_each(index.order[mask]))
