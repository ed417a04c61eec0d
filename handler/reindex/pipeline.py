"""From a corpus to a published version: plan, encode, build, assess, upload, judge, publish."""

import time
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from handler.corpus.sources import check_apart
from handler.errors import GatesFailed, LeaseHeld, OutOfTime, StoreError
from handler.index.embedding_cache import EmbeddingCache
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexManifest
from handler.index.update import Update
from handler.index.writer import build_version, write_manifest
from handler.quality.assess import Candidate, PreviousVersion, Quality, assess
from handler.quality.changes import Changes
from handler.quality.gates import Limits, Reference, broken_limits
from handler.reindex.encode import Engine, LocalEngine, encode_missing, missing
from handler.reindex.job import Outcome, Preview, ReindexJob
from handler.reindex.parts import Parts
from handler.reindex.plan import Plan, plan_from_scratch, plan_update, refusal
from handler.staging import scratch_folder
from handler.tiers.choose import tier_of
from handler.versions.attempts import LastAttempt
from handler.versions.lease import Lease

# Upper bounds for what follows the encoding: seconds, and seconds for each document.
FINISH_SECONDS = 40.0
FINISH_SECONDS_EACH = 0.002


def reindex(job: ReindexJob) -> Outcome:
    """Bring an index up to date with its corpus; readers see nothing before the last step.

    Raises:
        LeaseHeld: another run works on the index.
        GatesFailed: the new version is not good enough; it is uploaded, but not current.
        OutOfTime: time got short; the next run continues.
        CorpusError: the corpus can't be read, or has no document.
        StoreError: the store fails; LostRace if somebody else published meanwhile.
    """
    check_apart(job.corpus, job.repository.store)
    started = time.monotonic()
    try:
        with (
            Lease.take(job.repository, config=job.lease) as lease,
            scratch_folder() as scratch,
        ):
            outcome = _update(job, scratch, lease)
    except (LeaseHeld, OutOfTime):
        raise
    except Exception as error:
        failed = {"ReindexFailed": 1, "GatesFailed": int(isinstance(error, GatesFailed))}
        name = job.repository.name
        job.measure("reindex_failed", failed, "Count", index=name, problem=str(error))
        raise
    _measure(job, outcome, time.monotonic() - started)
    return outcome


def index(job: ReindexJob) -> Outcome:
    """Index a corpus from scratch and publish it; the only gate is the limit of rejected records.

    No lease is taken, so nothing of other runs is touched: no notes, and no parts but those that
    this run needs. If two runs meet, the one that publishes last finds out and fails.

    Raises:
        CorpusError: the corpus can't be read, has no document, or too many rejected records.
        StoreError: the store fails; LostRace if somebody else published meanwhile.
    """
    job = replace(job, limits=Limits.only_rejects(job.limits.max_rejects))
    with scratch_folder() as scratch:
        plan = plan_from_scratch(job, scratch)
        parts = _parts(job, plan, scratch)
        outcome = _publish(job, plan, parts, scratch)
        parts.clear()
        return outcome


def preview(job: ReindexJob) -> Preview | Outcome:
    """Return what `reindex` would do, or its outcome if there is nothing to do.

    Nothing is written.

    Raises:
        GatesFailed: the same corpus failed before.
        CorpusError: the corpus can't be read, or has no document.
        StoreError: the store can't be read.
    """
    check_apart(job.corpus, job.repository.store)
    with scratch_folder() as scratch:
        plan = plan_update(job, scratch, dry=True)
        if isinstance(plan, Outcome):
            return plan
        wanted = missing(EmbeddingCache(plan.reusable), plan.spool.texts)
        return Preview(
            documents=plan.spool.documents,
            rejected=plan.spool.rejected,
            encode=int(wanted.sum()),
            changes=Changes.planned(plan.before, plan.spool) if plan.before else None,
        )


def _update(job: ReindexJob, scratch: Path, lease: Lease) -> Outcome:
    """Make and publish a new version if there is anything to do, and clean up."""
    plan = plan_update(job, scratch)
    if isinstance(plan, Outcome):
        if plan.inputs:
            _note(job, LastAttempt(kind="same", inputs=plan.inputs, version=plan.version))
        _clear_work(job)
        return plan
    outcome = _publish(job, plan, _parts(job, plan, scratch), scratch, lease)
    job.progress("clean", 0)
    _clear_work(job)
    job.repository.attempts.forget()
    return outcome


def _publish(
    job: ReindexJob,
    plan: Plan,
    parts: Parts,
    scratch: Path,
    lease: Lease | None = None,
) -> Outcome:
    """Make a version as planned, and publish it.

    Args:
        job: the job of the run.
        plan: what to make.
        parts: where encoded slices are kept.
        scratch: folder for temporary files.
        lease: the right to publish, if the run has one.
    """
    encoded = _encode(job, plan, parts)
    folder, update = _build(job, plan, parts, scratch)
    candidate = _assess(job, plan, folder)
    candidate = _stage(job, plan, folder, update, candidate)
    _upload(job, plan, folder, candidate)
    _judge(job, plan, candidate.manifest)
    job.progress("publish", 0)
    if lease:
        lease.check()
    job.repository.publish(candidate.manifest.version, plan.baseline.etag)
    return Outcome(
        kind="published",
        version=candidate.manifest.version,
        manifest=candidate.manifest,
        drift=candidate.drift,
        encoded=encoded,
    )


def _encode(job: ReindexJob, plan: Plan, parts: Parts) -> int:
    """Encode the documents without known vectors, and return their number."""
    encoded = encode_missing(
        plan.spool,
        EmbeddingCache(plan.reusable),
        parts,
        _engine(job),
        size=job.slices,
        notice=lambda problem: job.tell("part_ignored", problem=problem),
        progress=job.progress,
    )
    needed = FINISH_SECONDS + FINISH_SECONDS_EACH * plan.spool.documents
    if encoded and job.remaining() < needed:
        raise OutOfTime(
            "all documents are encoded, but time is too short for the rest; run again to go on"
        )
    return encoded


def _build(job: ReindexJob, plan: Plan, parts: Parts, scratch: Path) -> tuple[Path, Update | None]:
    """Write the files of the new version, and return their folder, and what they build upon."""
    folder = scratch / "version"
    folder.mkdir()
    reused, spool = plan.reused, plan.spool
    update = Update.of(reused, spool.contents, spool.schema) if reused else None
    build_version(
        plan.spool,
        folder,
        name=job.repository.name,
        schema=plan.spool.schema,
        encoder=job.encoder,
        options=plan.options,
        rejected=plan.spool.rejected,
        known=EmbeddingCache([*plan.reusable, *parts.gathered()]),
        update=update,
        stage="text",  # all vectors are known by now
        total=plan.spool.documents,
        progress=job.progress,
    )
    return folder, update


def _stage(
    job: ReindexJob, plan: Plan, folder: Path, update: Update | None, candidate: Candidate
) -> Candidate:
    """Bring the version to the engine that is to serve it, if that is not the function."""
    serving = job.serving or plan.baseline.serving
    if serving == "function":
        return candidate
    job.progress("stage", 0)
    index = IndexVersion.open(folder, {each.sha256 for each in candidate.manifest.files.values()})
    tier = tier_of(serving, job.repository.folder.url)
    served = dict(tier.stage(index, update.base if update else None))
    manifest = replace(candidate.manifest, served=served)
    write_manifest(folder, manifest)
    return replace(candidate, manifest=manifest)


def _assess(job: ReindexJob, plan: Plan, folder: Path) -> Candidate:
    """Measure the new version, and note in its manifest which limits it breaks."""
    job.progress("check", 0)
    before = PreviousVersion.read(plan.baseline.version, plan.before)
    last = plan.baseline.last
    reference = Reference(
        documents=last.documents if last else 0, ndcg=before.ndcg(plan.golden, job.encoder)
    )

    def judge(new: IndexManifest, quality: Quality) -> list[str]:
        return broken_limits(new, quality, reference, job.limits, force=job.force)

    return assess(
        folder,
        job.encoder,
        listing=plan.listing,
        inputs=plan.inputs,
        golden=plan.golden,
        before=before,
        rejects=plan.rejects,
        ndcg_before=reference.ndcg,
        store=job.repository.store.url,
        judge=judge,
    )


def _upload(job: ReindexJob, plan: Plan, folder: Path, candidate: Candidate) -> None:
    """Upload a version, without the files that the published version has."""
    shared = plan.shared_files
    files = {entry.sha256 for entry in candidate.manifest.files.values()}
    numbers, total = count(1), len(files - shared) + len(candidate.reports)

    def on_file(_name: str) -> None:
        job.progress("upload", next(numbers), total)

    job.repository.upload(
        folder, candidate.manifest, shared=shared, on_file=on_file, reports=candidate.reports
    )


def _judge(job: ReindexJob, plan: Plan, new: IndexManifest) -> None:
    """Raise GatesFailed if the version breaks a limit; it replaces an earlier one that did."""
    if not new.failures:
        return
    repository = job.repository
    earlier = repository.attempts.last()
    failed = LastAttempt(
        kind="failed", inputs=plan.inputs, version=new.version, reasons=new.failures
    )
    _note(job, failed)
    if earlier and earlier.kind == "failed" and earlier.version != plan.baseline.name:
        repository.version_folder(earlier.version).clear()
    raise refusal(job, new.version, new.failures)


def _note(job: ReindexJob, attempt: LastAttempt) -> None:
    job.repository.attempts.note(attempt)


def _parts(job: ReindexJob, plan: Plan, scratch: Path) -> Parts:
    folder = scratch / "work"
    folder.mkdir()
    return Parts(job.repository, job.encoder, plan.options, folder, _engine(job).device)


def _engine(job: ReindexJob) -> Engine:
    return job.engine or LocalEngine(job.encoder, job.remaining)


def _clear_work(job: ReindexJob) -> None:
    """Remove what runs left for later ones; what can't be removed now is removed next time."""
    with suppress(StoreError):
        job.repository.work.clear()


def _measure(job: ReindexJob, outcome: Outcome, seconds: float) -> None:
    job.measure(
        "reindexed",
        {"ReindexSucceeded": 1, "DocumentsEncoded": outcome.encoded},
        "Count",
        index=job.repository.name,
        outcome=outcome.kind,
        version=outcome.version,
        seconds=round(seconds, 2),
    )
