"""What one version looks like, in few numbers, so that a later one can be compared with it."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from handler.index.index_version import IndexVersion
from handler.quality.checks import sample
from handler.quality.golden import Golden, GoldenResults

NEIGHBOURS = 300
NEAREST = 8
CHUNK = 20_000
# Borders of the bins of each distribution; the last of the first is open.
CHARACTERS = [0, 50, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000, 2000]
COSINES = [-1.0, 0.0, 0.1, *(step / 20 for step in range(4, 20))]


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts, the mean of all vectors, and how three quantities are spread, as counts to a bin.

    `lengths` are those of passages in characters, `neighbours` the cosines of sampled passages to the nearest
    passage of another document, `nearest` those of the golden queries to the nearest passage; `tops` has the
    ids that each of these queries found, by its text.
    """

    documents: int
    passages: int
    fingerprint: str
    centroid: list[float]
    lengths: list[int]
    neighbours: list[int]
    nearest: list[int]
    tops: dict[str, list[str]]

    @classmethod
    def of(cls, index: IndexVersion, golden: Golden, answers: GoldenResults) -> Self:
        """Look at an index version and at what the golden queries find in it."""
        manifest = index.manifest
        return cls(
            manifest.documents,
            manifest.passages,
            manifest.fingerprint,
            [round(float(value), 7) for value in _centroid(index)],
            _counts(index.passages["end"].astype(np.int64) - index.passages["start"], CHARACTERS),
            _counts(_neighbours(index), COSINES),
            _counts(np.array([*answers.nearest.values()]), COSINES),
            {golden.queries[key]: top for key, top in answers.tops.items()},
        )

    @classmethod
    def parse(cls, raw: Any) -> Self | None:
        """Read a profile back from JSON; None if it was made in another way."""
        try:
            profile = cls(**raw)
            bins = len(profile.lengths), len(profile.neighbours), len(profile.nearest)
        except TypeError:
            return None
        return profile if bins == (len(CHARACTERS), len(COSINES), len(COSINES)) else None


def _centroid(index: IndexVersion) -> npt.NDArray[np.float64]:
    total = np.zeros(index.manifest.dimension)
    for start in range(0, len(index.vectors), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(index.vectors)))
        total += index.vectors.vectors(rows).sum(axis=0, dtype=np.float64)
    return total / len(index.vectors)


def _neighbours(index: IndexVersion) -> npt.NDArray[np.float64]:
    cosines = []
    for row in sample(len(index.vectors), NEIGHBOURS):
        near, values = index.vectors.search(index.vectors.vectors(row[None])[0], NEAREST)
        others = values[index.owners[near] != index.owners[row]]
        cosines += others[:1].tolist()
    return np.array(cosines)


def _counts(values: npt.NDArray[Any], edges: list[Any]) -> list[int]:
    bins = np.searchsorted(edges, values, "right") - 1
    counts: list[int] = np.bincount(np.clip(bins, 0, None), minlength=len(edges)).tolist()
    return counts
