"""A new version of an index from a corpus that changed: incremental, resumable, judged, then published at once."""

import tempfile
import time
from itertools import count
from pathlib import Path

from handler.corpus.sources import check_apart
from handler.errors import GatesFailed, LeaseHeld, OutOfTime
from handler.index.embedding_cache import EmbeddingCache
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.writer import build_version
from handler.quality.assess import Candidate, PreviousVersion, complete
from handler.quality.changes import Changes
from handler.quality.gates import judge
from handler.reindex.checkpoints import Checkpoints, clear
from handler.reindex.encode import encode_missing, missing
from handler.reindex.job import Job, Outcome, Plan
from handler.reindex.plan import Prepared, prepare, refused
from handler.versions.last_attempt import LastAttempt
from handler.versions.lease import Lease
from handler.versions.pointer import check_name, publish
from handler.versions.transfer import upload

# What follows the encoding takes at most so long: seconds, and seconds to a document.
FINISH_SECONDS = 40.0
FINISH_SECONDS_EACH = 0.002


def reindex(job: Job) -> Outcome:
    """Bring the index up to date with its corpus; nothing is visible to readers before the last step.

    Raises:
        LeaseHeld: another run works on the index.
        GatesFailed: the new version is not good enough; it is uploaded, but not current.
        OutOfTime: time got short; the next run goes on from there.
        CorpusError: the corpus can't be read, or has no document.
        StoreError: the store fails; LostRace if somebody else published meanwhile.
    """
    started = time.monotonic()
    _check(job)
    try:
        with (
            Lease.take(job.store, job.name, terms=job.terms) as lease,
            tempfile.TemporaryDirectory(prefix="querytower-") as scratch,
        ):
            outcome = _run(job, Path(scratch), lease)
    except (LeaseHeld, OutOfTime):
        raise
    except Exception as error:
        failed = {"ReindexFailed": 1, "GatesFailed": int(isinstance(error, GatesFailed))}
        job.measure("reindex_failed", failed, "Count", index=job.name, problem=str(error))
        raise
    figures = {"ReindexSucceeded": 1, "DocumentsEncoded": outcome.encoded}
    seconds = round(time.monotonic() - started, 2)
    about = {
        "index": job.name,
        "outcome": outcome.kind,
        "version": outcome.version,
        "seconds": seconds,
    }
    job.measure("reindexed", figures, "Count", **about)
    return outcome


def plan(job: Job) -> Plan | Outcome:
    """Return what a run would do now, or what it would come to at once; nothing is written.

    Raises:
        GatesFailed: this very corpus failed before.
        CorpusError: the corpus can't be read, or has no document.
        StoreError: the store can't be read.
    """
    _check(job)
    with tempfile.TemporaryDirectory(prefix="querytower-") as scratch:
        prepared = prepare(job, Path(scratch), dry=True)
        if isinstance(prepared, Outcome):
            return prepared
        spool, before = prepared.spool, prepared.before
        encode = int(missing(EmbeddingCache(prepared.reusable), spool.texts).sum())
        return Plan(
            spool.documents,
            spool.rejected,
            encode,
            Changes.planned(before, spool) if before else None,
        )


def _check(job: Job) -> None:
    check_name(job.name)
    check_apart(job.corpus, job.store)


def _run(job: Job, scratch: Path, lease: Lease) -> Outcome:
    prepared = prepare(job, scratch)
    if isinstance(prepared, Outcome):
        if prepared.inputs:
            LastAttempt("same", prepared.inputs, prepared.version, []).write(job.store, job.name)
        clear(job.store, job.name)
        return prepared
    (scratch / "work").mkdir()
    checkpoints = Checkpoints(job.store, job.name, job.encoder, prepared.options, scratch / "work")
    encoded = _encode(job, prepared, checkpoints)
    candidate = _build(job, prepared, checkpoints, scratch)
    manifest = candidate.manifest
    files = count(1)
    upload(
        job.store,
        scratch / "version",
        manifest,
        on_file=lambda _name: job.progress("upload", next(files)),
        reports=candidate.reports,
    )
    if manifest.failures:
        _refuse(job, prepared, manifest)
    job.progress("publish", 0)
    lease.check()
    publish(job.store, job.name, manifest.version, prepared.current.etag)
    job.progress("clean", 0)
    clear(job.store, job.name)
    LastAttempt.forget(job.store, job.name)
    return Outcome("published", manifest.version, manifest, candidate.drift, encoded)


def _encode(job: Job, prepared: Prepared, checkpoints: Checkpoints) -> int:
    """Encode what has no vectors yet, and return how many documents that were."""
    checkpoints.load(lambda problem: job.tell("checkpoint_ignored", problem=problem))
    encoded = encode_missing(
        prepared.spool,
        EmbeddingCache([*prepared.reusable, *checkpoints.parts]),
        job.encoder,
        prepared.options,
        save=checkpoints.save,
        save_seconds=job.save_seconds,
        remaining=job.remaining,
        progress=job.progress,
    )
    if (
        encoded
        and job.remaining() < FINISH_SECONDS + FINISH_SECONDS_EACH * prepared.spool.documents
    ):
        raise OutOfTime(
            "all documents are encoded, but time is too short for the rest; run again to go on"
        )
    return encoded


def _build(job: Job, prepared: Prepared, checkpoints: Checkpoints, scratch: Path) -> Candidate:
    """Write the new version and measure it."""
    folder = scratch / "version"
    folder.mkdir()
    build_version(
        prepared.spool,
        folder,
        name=job.name,
        schema=prepared.spool.schema,
        encoder=job.encoder,
        options=prepared.options,
        rejected=prepared.spool.rejected,
        known=EmbeddingCache([*prepared.reusable, *checkpoints.parts]),
        base=prepared.base,
        progress=lambda stage, done: job.progress("text" if stage == "encode" else stage, done),
        threads=job.threads,
    )
    job.progress("check", 0)
    before = PreviousVersion.read(job.store, prepared.current.manifest, prepared.before)
    documents = prepared.current.last.documents if prepared.current.last else 0
    ndcg = before.ndcg(prepared.golden, job.encoder)
    return complete(
        folder,
        job.encoder,
        listing=prepared.listing,
        inputs=prepared.inputs,
        golden=prepared.golden,
        before=before,
        rejects=scratch / IndexFiles.REJECTS,
        judge=lambda new, quality: judge(
            new, quality, documents, ndcg, job.limits, forced=job.force
        ),
    )


def _refuse(job: Job, prepared: Prepared, manifest: IndexManifest) -> None:
    """Note that a candidate failed, remove an earlier one that did, and raise GatesFailed."""
    old = LastAttempt.read(job.store, job.name)
    LastAttempt("failed", prepared.inputs, manifest.version, manifest.failures).write(
        job.store, job.name
    )
    current = prepared.current.manifest
    if old and old.kind == "failed" and (current is None or old.version != current.version):
        root = IndexFiles.version(job.name, old.version)
        job.store.delete(each.path for each in job.store.list(root))
    raise refused(job, manifest.version, manifest.failures)
