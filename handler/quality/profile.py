"""What one version looks like, in few numbers, so that a later one can be compared with it."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from handler.index.index_version import IndexVersion
from handler.quality.checks import sample
from handler.quality.golden import Golden, GoldenResults

NEIGHBOURS = 300
"""Passages whose nearest neighbours are looked up."""
NEAREST = 8
CHUNK = 20_000
# Lower borders of the bins of each distribution. The last bin of lengths is open.
CHARACTERS = [0, 50, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000, 2000]
COSINES = [-1.0, 0.0, 0.1, *(step / 20 for step in range(4, 20))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Counts, the mean of all vectors, and three distributions as counts for each bin.

    `lengths` are lengths of passages in characters, `neighbours` the cosines of sampled passages
    to the nearest passage of another document, `nearest` those of the golden queries to their
    nearest passage. `tops` has the ids that each golden query found, by its text.
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
    def of(cls, index: IndexVersion, golden: Golden, results: GoldenResults) -> Self:
        """Measure an index version and what the golden queries find in it."""
        manifest = index.manifest
        passages = index.passages[index.vectors.live]
        lengths = passages["end"].astype(np.int64) - passages["start"]
        return cls(
            documents=manifest.documents,
            passages=manifest.passages,
            fingerprint=manifest.fingerprint,
            centroid=[round(float(value), 7) for value in _centroid(index)],
            lengths=_counts(lengths, CHARACTERS),
            neighbours=_counts(_neighbours(index), COSINES),
            nearest=_counts(np.array([*results.nearest.values()]), COSINES),
            tops={golden.queries[key]: top for key, top in results.tops.items()},
        )

    def has_these_bins(self) -> bool:
        """Tell whether the distributions have the bins of this querytower."""
        bins = len(self.lengths), len(self.neighbours), len(self.nearest)
        return bins == (len(CHARACTERS), len(COSINES), len(COSINES))


def _centroid(index: IndexVersion) -> npt.NDArray[np.float64]:
    total = np.zeros(index.manifest.dimension)
    for start in range(0, len(index.vectors), CHUNK):
        rows = index.vectors.live[start : start + CHUNK]
        total += index.vectors.vectors(rows).sum(axis=0, dtype=np.float64)
    return total / len(index.vectors)


def _neighbours(index: IndexVersion) -> npt.NDArray[np.float64]:
    cosines = []
    for row in index.vectors.live[sample(len(index.vectors), NEIGHBOURS)]:
        near, values = index.vectors.search(index.vectors.vectors(row[None])[0], NEAREST)
        others = values[index.owners[near] != index.owners[row]]
        cosines += others[:1].tolist()
    return np.array(cosines)


def _counts(values: npt.NDArray[Any], edges: list[Any]) -> list[int]:
    bins = np.searchsorted(edges, values, "right") - 1
    counts: list[int] = np.bincount(np.clip(bins, 0, None), minlength=len(edges)).tolist()
    return counts
