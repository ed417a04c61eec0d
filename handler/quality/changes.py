"""Which documents one version has and another has not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from handler.corpus.hashes import Hashes
from handler.corpus.spool import Spool
from handler.index.embedding_cache import version_hashes
from handler.index.index_version import IndexVersion

# The ids of the documents that a mask of shape (documents,) selects.
Ids = Callable[[npt.NDArray[np.bool_]], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids of the documents that came, changed and went, sorted, and how many stayed as they were."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int

    @classmethod
    def of(cls, old: Hashes, old_ids: Ids, new: Hashes, new_ids: Ids) -> Self:
        """Compare documents by the hashes of their contents; only the ids of those that differ are asked for."""
        gone, come = ~np.isin(old, new), ~np.isin(new, old)
        before, after = set(old_ids(gone)), set(new_ids(come))
        return cls(
            sorted(after - before),
            sorted(after & before),
            sorted(before - after),
            len(new) - int(come.sum()),
        )

    @classmethod
    def between(cls, old: IndexVersion, new: IndexVersion) -> Self:
        """Compare two index versions."""
        return cls.of(
            version_hashes(old, "content"), _ids(old), version_hashes(new, "content"), _ids(new)
        )

    @classmethod
    def planned(cls, old: IndexVersion, spool: Spool) -> Self:
        """Compare an index version with documents that are not indexed yet."""
        return cls.of(
            version_hashes(old, "content"),
            _ids(old),
            spool.contents,
            lambda rows: (d.id for d in spool.select(rows)),
        )


def _ids(index: IndexVersion) -> Ids:
    return lambda mask: (index.document(row).id for row in np.flatnonzero(mask).tolist())
