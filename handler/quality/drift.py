"""How a version differs from the one before: documents, vectors, distributions, hits."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from handler.quality.changes import Changes
from handler.quality.profile import CHARACTERS, COSINES, Profile
from handler.stored_json import Garbled, read_json

FORMAT = 1
SLIGHT, LARGE = 0.1, 0.25
# Deviations beyond which a difference between two samples is no longer attributed to chance.
SIGMAS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Counts for each bin before and now, their population stability index, and a verdict."""

    name: str
    edges: list[float]
    before: list[int]
    now: list[int]
    psi: float | None
    verdict: str

    @classmethod
    def of(
        cls,
        name: str,
        edges: list[Any],
        before: list[int],
        now: list[int],
        *,
        comparable: bool = True,
    ) -> Self:
        """Compare two distributions over the same bins.

        Args:
            name: what is distributed, and in which unit.
            edges: lower border of each bin.
            before: counts for each bin in the version before, empty if there is none.
            now: counts for each bin in the new version.
            comparable: whether the same model made both.
        """
        psi: float | None = None
        if not comparable:
            before, verdict = [], "made with another model, so it can't be compared"
        elif not sum(before) or not sum(now):
            verdict = "nothing to compare with"
        else:
            psi, chance = stability(before, now)
            verdict = _verdict(psi, chance)
        return cls(name=name, edges=edges, before=before, now=now, psi=psi, verdict=verdict)


@dataclass(frozen=True, slots=True)
class MovedQuery:
    """A golden query, how many of its top documents stayed, and how many there were."""

    query: str
    kept: int
    before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The report on a version.

    Figures that need a version before are None for the first version, and after a change of
    model. `centroid_shift` is 1 minus the cosine of the two centroids. `centroid_cosine` is the
    mean cosine of the passages to the centroid before, `centroid_cosine_before` that of the
    passages before.
    """

    version: str
    created: str
    previous: str
    documents: int
    passages: int
    added: int | None
    changed: int | None
    removed: int | None
    centroid_shift: float | None
    centroid_cosine: float | None
    centroid_cosine_before: float | None
    distributions: list[Distribution]
    queries: int
    moved_share: float | None
    moved: list[MovedQuery]
    profile: Profile

    def to_json(self) -> bytes:
        """Render the report, with the profile that the next version is compared with."""
        content = {"format": FORMAT, **asdict(self)}
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True, slots=True)
class _StoredReport:
    format: int
    profile: Profile


def profile_in(report: bytes) -> Profile | None:
    """Return the profile in the text of a report, or None if there is none of this format."""
    try:
        found = read_json(_StoredReport, report)
    except Garbled:
        return None
    return found.profile if found.format == FORMAT and found.profile.has_these_bins() else None


def compare(
    new: Profile,
    old: Profile | None,
    changes: Changes | None,
    *,
    version: str,
    created: str,
    previous: str,
) -> Drift:
    """Return the report on a version.

    Args:
        new: profile of the version.
        old: profile of the version before, None if there is none.
        changes: documents in which both differ, None if that is unknown.
        version: name of the version.
        created: time at which it was made (UTC).
        previous: name of the version before, empty if there is none.
    """
    same_model = old is not None and old.fingerprint == new.fingerprint
    shift, cosine, before = _centroids(old, new) if old and same_model else (None, None, None)
    queries = moved_queries(old, new) if old else []
    moved = [each for each in queries if each.kept < each.before]
    return Drift(
        version=version,
        created=created,
        previous=previous,
        documents=new.documents,
        passages=new.passages,
        added=len(changes.added) if changes else None,
        changed=len(changes.changed) if changes else None,
        removed=len(changes.removed) if changes else None,
        centroid_shift=shift,
        centroid_cosine=cosine,
        centroid_cosine_before=before,
        distributions=_distributions(old, new),
        queries=len(new.tops),
        moved_share=len(moved) / len(queries) if queries else None,
        moved=sorted(moved, key=lambda each: each.kept),
        profile=new,
    )


def _distributions(old: Profile | None, new: Profile) -> list[Distribution]:
    same_model = old is None or old.fingerprint == new.fingerprint
    lengths = Distribution.of(
        "passage length, characters", CHARACTERS, old.lengths if old else [], new.lengths
    )
    neighbours = Distribution.of(
        "cosine of a passage to its nearest neighbour",
        COSINES,
        old.neighbours if old else [],
        new.neighbours,
        comparable=same_model,
    )
    nearest = Distribution.of(
        "cosine of a query to its nearest passage",
        COSINES,
        old.nearest if old else [],
        new.nearest,
        comparable=same_model,
    )
    return [lengths, neighbours, nearest]


def stability(before: list[int], now: list[int]) -> tuple[float, float]:
    """Return the population stability index of two samples, and how large chance may make it.

    Half a count is added to every bin, because an empty one would make the index infinite.
    Bins that are empty in both samples don't count.
    """
    counts = np.array([before, now], float)
    counts = counts[:, counts.any(axis=0)] + 0.5
    p, q = counts / counts.sum(axis=1, keepdims=True)
    index = float(((q - p) * np.log(q / p)).sum())
    freedom = counts.shape[1] - 1
    # For two samples of one population, the index scaled by their sizes follows chi-squared.
    chance = (freedom + SIGMAS * math.sqrt(2 * freedom)) * (1 / sum(before) + 1 / sum(now))
    return index, chance


def _verdict(index: float, chance: float) -> str:
    if index < SLIGHT:
        return "no notable drift"
    if index <= chance:
        return "no more than chance: the samples are small"
    if index < LARGE:
        return "some drift: look at the new documents"
    return "large drift: find the cause before you trust this version"


def _centroids(old: Profile, new: Profile) -> tuple[float, float, float]:
    """Return shift, cosine and cosine before of the centroids, as `Drift` defines them."""
    before, now = np.array(old.centroid), np.array(new.centroid)
    length = float(np.linalg.norm(before)) or 1.0
    cosine = float(now @ before) / length
    return 1 - cosine / (float(np.linalg.norm(now)) or 1.0), cosine, length


def moved_queries(old: Profile, new: Profile) -> list[MovedQuery]:
    """Return, for each query in both profiles, how many of its top documents stayed."""
    moved = []
    for query in new.tops:
        if query in old.tops:
            before, now = old.tops[query], new.tops[query]
            moved.append(MovedQuery(query, len({*before} & {*now}), max(len(before), len(now))))
    return moved
