"""The tier that Lance is: stage, open, vacuum."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from handler.errors import IndexUnavailable
from handler.index.engine import Engine
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexManifest
from handler.tiers.lance.datasets import Datasets
from handler.tiers.lance.engine import LanceVersion
from handler.tiers.lance.stage import KINDS, stage
from handler.tiers.tier import Served

UNPUBLISHED = timedelta(days=1)
"""After that time, no run goes on that could still publish."""


@dataclass(frozen=True, slots=True)
class LanceTier:
    """Two datasets beside the versions of an index. The contracts are those of `Tier`."""

    datasets: Datasets

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the tier of the index whose folder has this URL."""
        return cls(Datasets.at(url))

    def stage(self, index: IndexVersion, before: IndexVersion | None) -> Served:
        """Bring in what is new of a version, and take out what is gone."""
        return stage(self.datasets, index, before)

    def open(self, manifest: IndexManifest) -> Engine:
        """Open a version that was staged.

        Raises:
            IndexUnavailable: its datasets are missing.
            EngineUnavailable: storage fails.
        """
        try:
            return LanceVersion(self.datasets, manifest)
        except (ValueError, KeyError) as cause:
            raise IndexUnavailable(
                f"version {manifest.version} is not in {self.datasets.url}; roll back, or index "
                "again"
            ) from cause

    def vacuum(self, kept: Iterable[IndexManifest]) -> None:
        """Remove the tags of versions that are gone, and what no tag and no recent run needs."""
        names = {manifest.version for manifest in kept}
        for name in KINDS:
            dataset = self.datasets.newest(name)
            if dataset is None:
                continue
            for tag in {*dataset.tags.list()} - names:
                with suppress(OSError, ValueError):
                    dataset.tags.delete(tag)
            dataset.cleanup_old_versions(UNPUBLISHED, error_if_tagged_old_versions=False)
