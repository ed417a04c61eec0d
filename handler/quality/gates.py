"""The gates: limits that a new version must keep before it is published."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from handler.index.manifest import IndexManifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Shares from 0 to 1: rejected records, lost documents, and the figures of checks.py."""

    max_rejects: float = 0.01
    max_drop: float = 0.2
    min_self_retrieval: float = 0.9
    min_recall: float = 0.9
    max_ndcg_loss: float = 0.02

    @classmethod
    def only_rejects(cls, max_rejects: float) -> Self:
        """Return limits that nothing but too many rejected records breaks."""
        return cls(
            max_rejects=max_rejects,
            max_drop=1.0,
            min_self_retrieval=0.0,
            min_recall=0.0,
            max_ndcg_loss=math.inf,
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """What a new version is compared with: documents and nDCG@10 of the version before.

    `documents` is 0 if there was no version, `ndcg` None if it was not measured.
    """

    documents: int = 0
    ndcg: float | None = None


def broken_limits(
    new: IndexManifest,
    quality: Mapping[str, float],
    before: Reference,
    limits: Limits,
    *,
    force: bool,
) -> list[str]:
    """Return the limits that a new version breaks, one sentence for each.

    Args:
        new: manifest of the new version.
        quality: its measured figures by name.
        before: the version that it would replace.
        limits: the limits to keep.
        force: allow any drop in documents.
    """
    broken = []
    records = new.documents + new.rejected
    if new.rejected > limits.max_rejects * records:
        broken.append(
            f"{new.rejected:,} of {records:,} records were rejected, "
            f"at most {limits.max_rejects:.1%} may be"
        )
    drop = 1 - new.documents / before.documents if before.documents else 0.0
    if drop > limits.max_drop and not force:
        broken.append(
            f"{new.documents:,} documents are {drop:.1%} fewer than the {before.documents:,} "
            f"of the version before, at most {limits.max_drop:.1%} may be lost; "
            "if that is right, run again with force"
        )
    least = {"self_retrieval": limits.min_self_retrieval, "recall@10": limits.min_recall}
    for name, value in least.items():
        if quality[name] < value:
            broken.append(f"{name} is {quality[name]:.3f}, but must be at least {value:.3f}")
    ndcg = quality.get("ndcg@10")
    if ndcg is not None and before.ndcg is not None and before.ndcg - ndcg > limits.max_ndcg_loss:
        broken.append(
            f"nDCG@10 of the golden queries fell from {before.ndcg:.3f} to {ndcg:.3f}, "
            f"by more than {limits.max_ndcg_loss:.3f}"
        )
    return broken
