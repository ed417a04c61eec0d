"""A built version, measured, compared with the one before, and judged: all that precedes its upload."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from handler.corpus.listing import Listing
from handler.encoder import Encoder
from handler.errors import StoreError
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.writer import write_manifest
from handler.quality.changes import Changes
from handler.quality.checks import graph_recall, self_retrieval
from handler.quality.drift import Drift, compare, profile_in
from handler.quality.drift_report import render
from handler.quality.golden import Golden, GoldenResults, mean_ndcg
from handler.quality.profile import Profile
from handler.versions.repository import IndexRepository

Quality = dict[str, float]


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """The version before: its manifest, its profile, and itself, each as far as it can be read."""

    manifest: IndexManifest | None = None
    profile: Profile | None = None
    index: IndexVersion | None = None

    @classmethod
    def read(
        cls,
        repository: IndexRepository,
        manifest: IndexManifest | None,
        index: IndexVersion | None,
    ) -> "PreviousVersion":
        """Add the profile that is stored beside the version."""
        profile = None
        if manifest:
            with suppress(StoreError):
                profile = profile_in(repository.read(manifest.version, IndexFiles.DRIFT))
        return cls(manifest, profile, index)

    def ndcg(self, golden: Golden, encoder: Encoder) -> float | None:
        """Return the version's nDCG@10 over the golden queries, as measured then or now; None if neither can be."""
        if self.manifest and self.manifest.corpus.get("golden") == golden.etag:
            return self.manifest.quality.get("ndcg@10")
        if self.index and self.index.manifest.fingerprint == encoder.manifest.fingerprint:
            return mean_ndcg(
                GoldenResults.of(self.index, encoder, golden.queries).tops, golden.judgments
            )
        return None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version ready for upload, the files that go beside it, and how it differs from the one before."""

    manifest: IndexManifest
    reports: list[Path]
    drift: Drift


def assess(
    folder: Path,
    encoder: Encoder,
    *,
    listing: Listing,
    inputs: str,
    golden: Golden,
    before: PreviousVersion,
    rejects: Path,
    judge: Callable[[IndexManifest, Quality], list[str]],
) -> Candidate:
    """Measure the version in `folder`, write its reports beside that, and its final manifest.

    `rejects` is the file that lists rejected records; `judge` returns why the version must not be published.
    """
    index = IndexVersion.open(folder)
    answers = GoldenResults.of(index, encoder, golden.queries)
    quality = {
        "self_retrieval": self_retrieval(index, encoder),
        "recall@10": graph_recall(index.vectors),
    }
    if (ndcg := mean_ndcg(answers.tops, golden.judgments)) is not None:
        quality["ndcg@10"] = ndcg
    objects = listing.to_json()
    corpus = {
        "url": listing.url,
        "objects": hashlib.sha256(objects).hexdigest(),
        "inputs": inputs,
        "golden": golden.etag,
    }
    manifest = replace(
        index.manifest,
        quality={name: round(value, 4) for name, value in quality.items()},
        corpus=corpus,
    )
    manifest = replace(manifest, failures=judge(manifest, quality))
    drift = compare(
        manifest.version,
        manifest.created,
        Profile.of(index, golden, answers),
        before.manifest.version if before.manifest else "",
        before.profile,
        Changes.between(before.index, index) if before.index else None,
    )
    write_manifest(folder, manifest)
    contents = {
        IndexFiles.OBJECTS: objects,
        IndexFiles.DRIFT: drift.to_json(),
        IndexFiles.REPORT: render(drift).encode(),
    }
    if rejects.exists():
        contents[IndexFiles.REJECTS] = rejects.read_bytes()
    return Candidate(manifest, _write(folder.parent / "reports", contents), drift)


def _write(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    folder.mkdir()
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in contents]
