"""What a new version must fulfil before it is published."""

from collections.abc import Mapping
from dataclasses import dataclass

from handler.index.manifest import IndexManifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Shares, 0 to 1: records rejected, documents lost since the version before, and figures of quality.py."""

    max_rejects: float = 0.01
    max_drop: float = 0.2
    min_self_retrieval: float = 0.9
    min_recall: float = 0.9
    max_ndcg_loss: float = 0.02


def judge(
    new: IndexManifest,
    quality: Mapping[str, float],
    old_documents: int,
    old_ndcg: float | None,
    limits: Limits,
    *,
    forced: bool,
) -> list[str]:
    """Return in words which limits the new version breaks; a drop in documents may be `forced`."""
    failures = []
    records = new.documents + new.rejected
    if new.rejected > limits.max_rejects * records:
        failures.append(
            f"{new.rejected:,} of {records:,} records were rejected, {limits.max_rejects:.1%} may be"
        )
    drop = 1 - new.documents / old_documents if old_documents else 0.0
    if drop > limits.max_drop and not forced:
        failures.append(
            f"{new.documents:,} documents are {drop:.1%} fewer than the {old_documents:,} of the version before, "
            f"{limits.max_drop:.1%} may be; if that is right, run again with force"
        )
    for name, least in (
        ("self_retrieval", limits.min_self_retrieval),
        ("recall@10", limits.min_recall),
    ):
        if quality[name] < least:
            failures.append(f"{name} is {quality[name]:.3f}, at least {least:.3f} is needed")
    ndcg = quality.get("ndcg@10")
    if ndcg is not None and old_ndcg is not None and old_ndcg - ndcg > limits.max_ndcg_loss:
        failures.append(
            f"nDCG@10 of the golden queries fell from {old_ndcg:.3f} to {ndcg:.3f}, "
            f"by more than {limits.max_ndcg_loss:.3f}"
        )
    return failures
