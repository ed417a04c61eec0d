"""Rewrite an index in one segment, without what is gone."""

from dataclasses import replace
from pathlib import Path

from handler.encoder import Encoder
from handler.errors import IndexUnavailable
from handler.index.embedding_cache import EmbeddingCache, EncodedBatch
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.writer import Options, build_version, write_manifest
from handler.progress import Progress, no_progress
from handler.reindex.baseline import Baseline
from handler.staging import scratch_folder
from handler.versions.lease import Lease, LeaseConfig
from handler.versions.repository import IndexRepository
from handler.versions.stored_version import StoredVersion

REPORTS = (IndexFiles.OBJECTS, IndexFiles.REJECTS, IndexFiles.DRIFT, IndexFiles.REPORT)


def compact(
    repository: IndexRepository,
    encoder: Encoder,
    *,
    lease: LeaseConfig | None = None,
    progress: Progress = no_progress,
) -> IndexManifest | None:
    """Publish the current version again in one segment, or return None if it has only one.

    Nothing is encoded, and no corpus is read.

    Raises:
        LeaseHeld: a run works on the index.
        IndexUnavailable: there is no version, it is damaged, or another model made it.
        StoreError: the store fails; LostRace if somebody else published meanwhile.
    """
    with Lease.take(repository, config=lease) as held, scratch_folder() as scratch:
        baseline = Baseline.read(repository)
        before, options = baseline.open(scratch / "before"), baseline.options()
        if obstacles := baseline.obstacles(encoder, options):
            raise IndexUnavailable(
                f"index {repository.name!r} can't be compacted: {'; '.join(obstacles)}; "
                "run querytower reindex"
            )
        if before.text.segments == len(before.manifest.segments) == 1 and _is_whole(before):
            return None
        folder = scratch / "version"
        manifest = _rewrite(before, folder, encoder, options, progress)
        reports = _reports(baseline.version, scratch / "reports") if baseline.version else []
        repository.upload(folder, manifest, reports=reports)
        held.check()
        repository.publish(manifest.version, baseline.etag)
        return manifest


def _is_whole(index: IndexVersion) -> bool:
    return len(index.order) == len(index.documents)


def _rewrite(
    index: IndexVersion, folder: Path, encoder: Encoder, options: Options, progress: Progress
) -> IndexManifest:
    folder.mkdir()
    old = index.manifest
    manifest = build_version(
        index.read_each(index.order),
        folder,
        name=old.name,
        schema=old.schema,
        encoder=encoder,
        options=options,
        rejected=old.rejected,
        known=EmbeddingCache(EncodedBatch.of_version(index)),
        stage="text",
        total=old.documents,
        progress=progress,
    )
    manifest = replace(manifest, quality=old.quality, failures=old.failures, corpus=old.corpus)
    write_manifest(folder, manifest)
    return manifest


def _reports(version: StoredVersion, folder: Path) -> list[Path]:
    """Copy what lies beside the version."""
    folder.mkdir()
    for name in REPORTS:
        if (data := version.read(name)) is not None:
            (folder / name).write_bytes(data)
    return [*folder.iterdir()]
