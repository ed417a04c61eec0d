"""The tier that Amazon S3 Vectors is: stage, open, vacuum."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from handler.errors import IndexUnavailable
from handler.index.engine import Engine
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexManifest
from handler.storage.store import Store
from handler.tiers.s3vectors.client import VectorClient
from handler.tiers.s3vectors.engine import VectorsVersion
from handler.tiers.s3vectors.stage import PUT, Journal, chunked, stage
from handler.tiers.tier import Served


@dataclass(frozen=True, slots=True)
class VectorsTier:
    """Vector indexes in one vector bucket, and their journal. The contracts are those of `Tier`."""

    journal: Journal

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the tier of the index whose folder has this URL."""
        return cls(Journal(Store.open(url)))

    def stage(self, index: IndexVersion, before: IndexVersion | None) -> Served:
        """Bring in what is new of a version, and end what is gone."""
        return stage(VectorClient.configured(), self.journal, index, before)

    def open(self, manifest: IndexManifest) -> Engine:
        """Open a version that was staged; nothing is asked yet."""
        return VectorsVersion(VectorClient.configured(manifest.served["bucket"]), manifest)

    def vacuum(self, kept: Iterable[IndexManifest]) -> None:
        """Remove vector indexes that no version names, and vectors that ended before the oldest."""
        needed: dict[str, int] = {}
        for served in (each.served for each in kept if each.served.get("by") == "s3vectors"):
            number = int(served["sequence"])
            needed[served["index"]] = min(number, needed.get(served["index"], number))
        client = VectorClient.configured()
        for index, begun in self.journal.begun().items():
            if index not in needed:
                if self.journal.is_recent(index):
                    continue
                _delete_index(client, index)
                self.journal.forget(index, begun)
                continue
            old = [each for each in begun if each <= needed[index]]
            for sequence in old:
                for some in chunked(self.journal.ended(index, sequence), PUT):
                    client.call("DeleteVectors", indexName=index, keys=some)
            self.journal.forget(index, old[:-1])  # the last says what can be built upon


def _delete_index(client: VectorClient, index: str) -> None:
    try:
        client.call("DeleteIndex", indexName=index)
    except IndexUnavailable:
        return  # the run that began it was killed before it was there
