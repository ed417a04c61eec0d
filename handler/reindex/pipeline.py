"""A corpus to a new published version: plan, encode, build, assess, upload, judge, publish."""

import tempfile
import time
from itertools import count
from pathlib import Path

from handler.corpus.sources import check_apart
from handler.errors import GatesFailed, LeaseHeld, OutOfTime
from handler.index.embedding_cache import EmbeddingCache
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.writer import build_version
from handler.progress import Stage
from handler.quality.assess import Candidate, PreviousVersion, assess
from handler.quality.changes import Changes
from handler.quality.gates import judge
from handler.reindex.checkpoints import Checkpoints, clear
from handler.reindex.encode import encode_missing, missing
from handler.reindex.job import Job, Outcome, Plan
from handler.reindex.plan import Prepared, prepare, prepare_full, refused
from handler.versions.last_attempt import LastAttempt, forget_attempts
from handler.versions.lease import Lease
from handler.versions.transfer import upload

# Upper bounds for all that follows the encoding: seconds, and seconds for each document.
FINISH_SECONDS = 40.0
FINISH_SECONDS_EACH = 0.002


def reindex(job: Job) -> Outcome:
    """Bring the index up to date with its corpus. Readers see nothing before the last step.

    Raises:
        LeaseHeld: another run works on the index.
        GatesFailed: the new version is not good enough; it is uploaded, but not current.
        OutOfTime: time is short; the next run continues from there.
        CorpusError: the corpus can't be read, or has no document.
        StoreError: the store fails; LostRace if somebody else published meanwhile.
    """
    started = time.monotonic()
    check_apart(job.corpus, job.repository.store)
    try:
        with Lease.take(job.repository, terms=job.terms) as lease, _scratch() as scratch:
            outcome = _run(job, Path(scratch), lease)
    except (LeaseHeld, OutOfTime):
        raise
    except Exception as error:
        failed = {"ReindexFailed": 1, "GatesFailed": int(isinstance(error, GatesFailed))}
        name = job.repository.name
        job.measure("reindex_failed", failed, "Count", index=name, problem=str(error))
        raise
    _report(job, outcome, time.monotonic() - started)
    return outcome


def index(job: Job, rejects: Path) -> Outcome:
    """Index a corpus from scratch and publish it, without gates other than `max_rejects`.

    Nothing of the version before is used, and readers see nothing before the last step. Rejected
    records are listed in `rejects`.

    Raises:
        CorpusError: the corpus can't be read, is empty, or has too many faulty records.
        StoreError: the store can't be written; LostRace if somebody else published meanwhile.
    """
    with _scratch() as folder:
        scratch = Path(folder)
        prepared = prepare_full(job, scratch, rejects)
        version = _build(job, prepared, EmbeddingCache(), scratch, stage="encode")
        job.progress("check", 0)
        candidate = assess(
            version,
            job.encoder,
            listing=prepared.listing,
            inputs=prepared.inputs,
            golden=prepared.golden,
            before=PreviousVersion(),
            rejects=rejects if prepared.spool.rejected else scratch / "none",
            judge=lambda _manifest, _quality: [],
        )
        _upload(job, candidate, version)
        job.progress("publish", 0)
        job.repository.publish(candidate.manifest.version, prepared.baseline.etag)
    return Outcome(
        kind="published",
        version=candidate.manifest.version,
        manifest=candidate.manifest,
        drift=candidate.drift,
        encoded=candidate.manifest.documents,
    )


def plan(job: Job) -> Plan | Outcome:
    """Return what a run would do now, or its outcome if there is nothing to do; write nothing.

    Raises:
        GatesFailed: this very corpus failed before.
        CorpusError: the corpus can't be read, or has no document.
        StoreError: the store can't be read.
    """
    check_apart(job.corpus, job.repository.store)
    with _scratch() as scratch:
        prepared = prepare(job, Path(scratch), dry=True)
        if isinstance(prepared, Outcome):
            return prepared
        spool, before = prepared.spool, prepared.before
        to_encode = missing(EmbeddingCache(prepared.reusable), spool.texts)
        return Plan(
            documents=spool.documents,
            rejected=spool.rejected,
            encode=int(to_encode.sum()),
            changes=Changes.planned(before, spool) if before else None,
        )


def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="querytower-")


def _run(job: Job, scratch: Path, lease: Lease) -> Outcome:
    repository = job.repository
    prepared = prepare(job, scratch)
    if isinstance(prepared, Outcome):
        return _nothing_to_do(job, prepared)
    (scratch / "work").mkdir()
    checkpoints = Checkpoints(repository, job.encoder, prepared.options, scratch / "work")
    encoded = _encode(job, prepared, checkpoints)
    known = EmbeddingCache([*prepared.reusable, *checkpoints.parts])
    version = _build(job, prepared, known, scratch, stage="text")
    candidate = _assess(job, prepared, version, scratch)
    manifest = candidate.manifest
    _upload(job, candidate, version)
    if manifest.failures:
        _refuse(job, prepared, manifest)
    job.progress("publish", 0)
    lease.check()
    repository.publish(manifest.version, prepared.baseline.etag)
    job.progress("clean", 0)
    clear(repository)
    forget_attempts(repository)
    return Outcome(
        kind="published",
        version=manifest.version,
        manifest=manifest,
        drift=candidate.drift,
        encoded=encoded,
    )


def _nothing_to_do(job: Job, outcome: Outcome) -> Outcome:
    """Note that these inputs lead to no new version, so that the next run need not read them."""
    if outcome.inputs:
        attempt = LastAttempt(
            kind="same", inputs=outcome.inputs, version=outcome.version, reasons=[]
        )
        attempt.write(job.repository)
    clear(job.repository)
    return outcome


def _encode(job: Job, prepared: Prepared, checkpoints: Checkpoints) -> int:
    """Encode the documents that have no vectors yet, and return their number."""
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
    needed = FINISH_SECONDS + FINISH_SECONDS_EACH * prepared.spool.documents
    if encoded and job.remaining() < needed:
        raise OutOfTime(
            "all documents are encoded, but time is too short for the rest; run again to continue"
        )
    return encoded


def _build(
    job: Job, prepared: Prepared, known: EmbeddingCache, scratch: Path, stage: Stage
) -> Path:
    """Write the files of the new version and return their folder.

    Args:
        job: the run.
        prepared: the documents.
        known: vectors that need not be computed.
        scratch: folder of this run.
        stage: how progress through the documents is reported.
    """
    folder = scratch / "version"
    folder.mkdir()
    build_version(
        prepared.spool,
        folder,
        name=job.repository.name,
        schema=prepared.spool.schema,
        encoder=job.encoder,
        options=prepared.options,
        rejected=prepared.spool.rejected,
        known=known,
        base=prepared.base,
        stage=stage,
        total=prepared.spool.documents,
        progress=job.progress,
        threads=job.threads,
    )
    return folder


def _assess(job: Job, prepared: Prepared, folder: Path, scratch: Path) -> Candidate:
    """Measure the new version in `folder`, and compare it with the version before."""
    job.progress("check", 0)
    baseline = prepared.baseline
    before = PreviousVersion.read(job.repository, baseline.manifest, prepared.before)
    documents = baseline.last.documents if baseline.last else 0
    ndcg = before.ndcg(prepared.golden, job.encoder)
    return assess(
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


def _upload(job: Job, candidate: Candidate, folder: Path) -> None:
    files, total = count(1), len(candidate.manifest.files) + len(candidate.reports)
    upload(
        job.repository,
        folder,
        candidate.manifest,
        on_file=lambda _name: job.progress("upload", next(files), total),
        reports=candidate.reports,
    )


def _refuse(job: Job, prepared: Prepared, manifest: IndexManifest) -> None:
    """Note that a candidate failed, remove an earlier one that did, and raise GatesFailed."""
    repository = job.repository
    old = LastAttempt.read(repository)
    attempt = LastAttempt(
        kind="failed",
        inputs=prepared.inputs,
        version=manifest.version,
        reasons=manifest.failures,
    )
    attempt.write(repository)
    current = prepared.baseline.manifest
    if old and old.kind == "failed" and (current is None or old.version != current.version):
        repository.delete(old.version)
    raise refused(job, manifest.version, manifest.failures)


def _report(job: Job, outcome: Outcome, seconds: float) -> None:
    job.measure(
        "reindexed",
        {"ReindexSucceeded": 1, "DocumentsEncoded": outcome.encoded},
        "Count",
        index=job.repository.name,
        outcome=outcome.kind,
        version=outcome.version,
        seconds=round(seconds, 2),
    )
