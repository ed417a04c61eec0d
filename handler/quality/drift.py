"""How a version differs from the one before: documents, vectors, distributions, answers."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from handler.quality.changes import Changes
from handler.quality.profile import CHARACTERS, COSINES, Profile

FORMAT = 1
SLIGHT, LARGE = 0.1, 0.25
# Deviations beyond which a difference of two samples is no longer put down to chance.
SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts to a bin before and now, the population stability index of the two, and what to make of it."""

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
        """Compare two distributions over the same bins."""
        if not comparable:
            return cls(name, edges, [], now, None, "made with another model: can't be compared")
        if not sum(before) or not sum(now):
            return cls(name, edges, before, now, None, "nothing to compare with")
        index, noise = stability(before, now)
        return cls(name, edges, before, now, index, _verdict(index, noise))


@dataclass(frozen=True, slots=True)
class Moved:
    """A query, and how many of its top documents before are still among them."""

    query: str
    kept: int
    before: int


@dataclass(frozen=True, slots=True)
class Drift:
    """The report. Figures that need a version before are None for the first one, or after another model.

    `centroid_shift` is 1 less the cosine of the two centroids; `centroid_cosine` the mean cosine of the
    passages to the centroid before, and `centroid_cosine_before` that of the passages before.
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
    moved: list[Moved]
    profile: Profile

    def to_json(self) -> bytes:
        """Render the report with the profile that the next version is compared with."""
        return (
            json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"
        ).encode()


def profile_in(report: bytes) -> Profile | None:
    """Return the profile in the text of a report, or None if there is none that can be compared with."""
    try:
        raw = json.loads(report)
        return Profile.parse(raw["profile"]) if raw["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError):
        return None


def compare(
    version: str,
    created: str,
    new: Profile,
    previous: str,
    old: Profile | None,
    changes: Changes | None,
) -> Drift:
    """Return the report on a version; `old` is the profile of the one called `previous`."""
    same_model = old is not None and old.fingerprint == new.fingerprint
    shift, cosine, before = _centroids(old, new) if old and same_model else (None, None, None)
    moved = moved_queries(old, new) if old else []
    return Drift(
        version,
        created,
        previous,
        new.documents,
        new.passages,
        len(changes.added) if changes else None,
        len(changes.changed) if changes else None,
        len(changes.removed) if changes else None,
        shift,
        cosine,
        before,
        [
            Distribution.of(
                "passage length, characters", CHARACTERS, old.lengths if old else [], new.lengths
            ),
            *(
                Distribution.of(
                    name,
                    COSINES,
                    getattr(old, field) if old else [],
                    getattr(new, field),
                    comparable=not old or same_model,
                )
                for name, field in (
                    ("cosine of a passage to its nearest neighbour", "neighbours"),
                    ("cosine of a query to its nearest passage", "nearest"),
                )
            ),
        ],
        len(new.tops),
        _share(moved),
        sorted((each for each in moved if each.kept < each.before), key=lambda each: each.kept),
        new,
    )


def stability(before: list[int], now: list[int]) -> tuple[float, float]:
    """Return the population stability index of two samples, and how large chance alone would make it.

    Half a count is added to every bin, lest an empty one make it infinite; bins empty in both don't count.
    """
    counts = np.array([before, now], float)
    counts = counts[:, counts.any(axis=0)] + 0.5
    p, q = counts / counts.sum(axis=1, keepdims=True)
    index = float(((q - p) * np.log(q / p)).sum())
    freedom = counts.shape[1] - 1
    # Scaled by the sizes of the samples, the index of two samples of one population follows chi-squared.
    chance = (freedom + SIGMAS * math.sqrt(2 * freedom)) * (1 / sum(before) + 1 / sum(now))
    return index, chance


def _verdict(index: float, chance: float) -> str:
    if index < SLIGHT:
        return "no change worth a look"
    if index <= chance:
        return "no more than chance: the samples are small"
    if index < LARGE:
        return "some change: have a look at what came in"
    return "large change: find out why before you trust it"


def _centroids(old: Profile, new: Profile) -> tuple[float, float, float]:
    before, now = np.array(old.centroid), np.array(new.centroid)
    length = float(np.linalg.norm(before)) or 1.0
    cosine = float(now @ before) / length
    return 1 - cosine / (float(np.linalg.norm(now)) or 1.0), cosine, length


def moved_queries(old: Profile, new: Profile) -> list[Moved]:
    """Return what became of the top documents of each query that both versions answered."""
    both = [query for query in new.tops if query in old.tops]
    return [
        Moved(
            query,
            len({*old.tops[query]} & {*new.tops[query]}),
            max(len(old.tops[query]), len(new.tops[query])),
        )
        for query in both
    ]


def _share(moved: list[Moved]) -> float | None:
    return sum(each.kept < each.before for each in moved) / len(moved) if moved else None
