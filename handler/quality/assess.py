"""Measure a finished version, compare it with the one before, and write its reports."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from handler.corpus.listing import Listing
from handler.encoder import Encoder
from handler.errors import StoreError
from handler.index.index_version import IndexVersion
from handler.index.manifest import NOISE, IndexFiles, IndexManifest
from handler.index.writer import write_manifest
from handler.quality.changes import Changes
from handler.quality.checks import noise_level, search_recall, self_retrieval
from handler.quality.compare import profile_of
from handler.quality.drift import Drift, compare
from handler.quality.drift_report import render
from handler.quality.golden import Golden, GoldenResults, mean_ndcg
from handler.quality.profile import Profile
from handler.quality.verdict import Verdict
from handler.versions.stored_version import StoredVersion

Quality = dict[str, float]


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """The version before: its manifest, its profile, and itself, as far as each can be read."""

    manifest: IndexManifest | None = None
    profile: Profile | None = None
    index: IndexVersion | None = None

    @classmethod
    def read(cls, stored: StoredVersion | None, index: IndexVersion | None) -> "PreviousVersion":
        """Read the profile of a stored version; `index` is the same version, opened."""
        if stored is None:
            return cls()
        try:
            return cls(stored.manifest, profile_of(stored), index)
        except StoreError:
            return cls(stored.manifest, None, index)

    def ndcg(self, golden: Golden, encoder: Encoder) -> float | None:
        """Return the version's nDCG@10 over the golden queries, or None if it can't be measured.

        The noted figure is taken if it is of the same queries.
        """
        if self.manifest and self.manifest.corpus.get("golden") == golden.etag:
            return self.manifest.quality.get("ndcg@10")
        if self.index and self.index.manifest.fingerprint == encoder.manifest.fingerprint:
            results = GoldenResults.of(self.index, encoder, golden.queries)
            return mean_ndcg(results.tops, golden.judgments)
        return None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version ready for upload, the files that go beside it, and its drift."""

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
    ndcg_before: float | None,
    store: str,
    judge: Callable[[IndexManifest, Quality], list[str]],
) -> Candidate:
    """Measure the version in `folder`, and write its reports and its final manifest.

    Args:
        folder: the finished version; its reports go into the folder "reports" beside it.
        encoder: encoder of the model that made the version.
        listing: objects of the corpus.
        inputs: digest of corpus and settings.
        golden: queries that watch over the index.
        before: the version to compare with.
        rejects: file that lists the rejected records; it need not exist.
        ndcg_before: nDCG@10 of the version before, None if it was not measured.
        store: URL of the store, for the commands in the report.
        judge: returns why a version with these figures must not be published.

    Raises:
        IndexUnavailable: the version in `folder` is damaged.
    """
    known = before.index.manifest.files.values() if before.index else ()
    index = IndexVersion.open(folder, {entry.sha256 for entry in known})
    results = GoldenResults.of(index, encoder, golden.queries)
    quality = _measure(index, encoder, golden, results)
    objects = listing.to_json()
    manifest = replace(
        index.manifest,
        quality={name: round(value, 4) for name, value in quality.items()},
        corpus={
            "url": listing.url,
            "objects": hashlib.sha256(objects).hexdigest(),
            "inputs": inputs,
            "golden": golden.etag,
        },
    )
    manifest = replace(manifest, failures=judge(manifest, quality))
    changes = Changes.between(before.index, index) if before.index else None
    drift = compare(
        Profile.of(index, golden, results),
        before.profile,
        changes,
        version=manifest.version,
        created=manifest.created,
        previous=before.manifest.version if before.manifest else "",
    )
    verdict = Verdict(
        version=manifest.version,
        previous=drift.previous,
        failures=manifest.failures,
        ndcg=quality.get("ndcg@10"),
        ndcg_before=ndcg_before,
        changes=changes,
        store=store,
        index=manifest.name,
    )
    write_manifest(folder, manifest)
    contents = {
        IndexFiles.OBJECTS: objects,
        IndexFiles.DRIFT: drift.to_json(),
        IndexFiles.REPORT: render(drift, verdict).encode(),
    }
    if rejects.exists():
        contents[IndexFiles.REJECTS] = rejects.read_bytes()
    return Candidate(manifest, _write(folder.parent / "reports", contents), drift)


def _measure(
    index: IndexVersion, encoder: Encoder, golden: Golden, results: GoldenResults
) -> Quality:
    quality = {
        "self_retrieval": self_retrieval(index, encoder),
        NOISE: noise_level(index, encoder),
        "recall@10": search_recall(index.vectors),
    }
    ndcg = mean_ndcg(results.tops, golden.judgments)
    if ndcg is not None:
        quality["ndcg@10"] = ndcg
    return quality


def _write(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    folder.mkdir()
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in contents]
