"""Plan a new version: is there anything to do, what has changed, and what can be reused."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from handler.corpus.listing import CorpusObject, Listing, same_objects
from handler.corpus.spool import Spool
from handler.errors import CorpusChanged, GatesFailed, IndexUnavailable
from handler.index.embedding_cache import EncodedBatch, version_hashes
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles
from handler.index.writer import Base, Options
from handler.quality.golden import Golden
from handler.reindex.baseline import Baseline
from handler.reindex.incremental_reader import Reading
from handler.reindex.job import Job, Outcome
from handler.versions.last_attempt import LastAttempt, rolled_back

# How often a corpus is read from the start when an object changes meanwhile.
READINGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A corpus that was read and differs from the current version.

    Attributes:
        baseline: the published version.
        options: how the new version is built.
        golden: the golden queries.
        inputs: digest of all that the result depends on.
        spool: the documents.
        listing: the corpus objects that they came from.
        before: the current version if it can be read.
        base: the same if its vectors can be reused.
    """

    baseline: Baseline
    options: Options
    golden: Golden
    inputs: str
    spool: Spool
    listing: Listing
    before: IndexVersion | None = None
    base: Base | None = None

    @property
    def reusable(self) -> list[EncodedBatch]:
        """The vectors of `base`."""
        return [EncodedBatch.of_version(self.base.index, self.base.folder)] if self.base else []


def prepare(job: Job, scratch: Path, *, dry: bool = False) -> Prepared | Outcome:
    """Read the corpus, or return the outcome at once if there is nothing to do.

    The store is only read, except that a run which is not `dry` may record that the current
    version is intact. A dry run doesn't fetch the graph.

    Raises:
        GatesFailed: this very corpus failed before.
        CorpusError: the corpus can't be read, has no document, or keeps changing.
        StoreError: the store can't be read.
    """
    for attempt in range(1, READINGS + 1):
        try:
            return _prepare(job, scratch, dry)
        except CorpusChanged as problem:
            if attempt == READINGS:
                raise
            job.tell("corpus_changed", problem=str(problem))
    raise AssertionError


def prepare_full(job: Job, scratch: Path, rejects: Path) -> Prepared:
    """Read the whole corpus for a version that reuses nothing and is compared with nothing.

    Rejected records are listed in `rejects`.

    Raises:
        CorpusError: the corpus can't be read, is empty, or has too many faulty records.
        StoreError: the store can't be read.
    """
    # The ETag comes first: whoever publishes while the corpus is read must win.
    baseline = Baseline(etag=job.repository.pointer_etag())
    objects = job.corpus.objects({}, scratch)
    reading = Reading(job.corpus, objects, job.fields, None, scratch, [])
    max_rejects = job.limits.max_rejects
    spool = Spool.write(reading, scratch / "spool.jsonl", rejects, max_rejects)
    job.progress("read", spool.documents, spool.documents)
    return Prepared(
        baseline=baseline,
        options=job.options(Options()),
        golden=Golden.load(job.repository),
        inputs="",
        spool=spool,
        listing=Listing(job.corpus.url, job.fields, reading.entries),
    )


def refused(job: Job, version: str, reasons: Sequence[str], since: str = "") -> GatesFailed:
    """Return the error that says why a version isn't published."""
    return GatesFailed(
        f"index {job.repository.name!r} stays as it is, the new version fails: "
        f"{'; '.join(reasons)}.{since} "
        f"It is kept for inspection; to publish it nevertheless: querytower rollback {version}"
    )


def _prepare(job: Job, scratch: Path, dry: bool) -> Prepared | Outcome:
    repository = job.repository
    baseline = Baseline.read(repository)
    if baseline.touched:
        baseline = baseline.verified(repository, scratch / "before", settle=not dry)
    options = job.options(baseline.options())
    obstacles = (
        ["a full run was requested"] if job.full else baseline.obstacles(job.encoder, options)
    )
    listing = None if obstacles or not baseline.listing else baseline.listing
    if listing and not listing.read_alike(job.corpus.url, job.fields):
        listing = None
    golden = Golden.load(repository)
    objects = job.corpus.objects(listing.etags if listing else {}, scratch)
    inputs = _digest(job, options, golden, objects)
    if listing and same_objects(listing.entries, objects):
        return _unchanged(baseline)
    if not (job.force or job.full) and (done := _judged_before(job, baseline, inputs)):
        return done
    before, folder = _open(job, baseline, scratch, obstacles, dry)
    usable = None if obstacles else before
    stored = baseline.stored(repository, usable) if usable and listing else None
    reading = Reading(job.corpus, objects, job.fields, stored, scratch, [])
    rejects = scratch / IndexFiles.REJECTS
    rejects.unlink(missing_ok=True)
    spool = Spool.write(reading, scratch / "spool.jsonl", rejects, max_rejects=1.0)
    job.progress("read", spool.documents, spool.documents)
    if usable and usable.manifest.rejected == spool.rejected and _same_documents(usable, spool):
        return _unchanged(baseline, inputs)
    return Prepared(
        baseline=baseline,
        options=options,
        golden=golden,
        inputs=inputs,
        spool=spool,
        listing=Listing(job.corpus.url, job.fields, reading.entries),
        before=before,
        base=Base(usable, folder) if usable else None,
    )


def _open(
    job: Job, baseline: Baseline, scratch: Path, obstacles: list[str], dry: bool
) -> tuple[IndexVersion | None, Path]:
    """Open the current version if possible, and tell of all `obstacles` to reusing it.

    A failure to open it becomes a further obstacle. A `dry` run doesn't fetch the graph.
    """
    before, folder = None, scratch
    graph = not (obstacles or dry)
    try:
        if baseline.manifest:
            before, folder = baseline.open(job.repository, scratch / "before", graph=graph)
    except IndexUnavailable as problem:
        obstacles.append(str(problem))
    for reason in obstacles:
        job.tell("full_rebuild", reason=reason)
    if baseline.problem and not obstacles:
        job.tell("all_objects_read", reason=baseline.problem)
    return before, folder


def _same_documents(index: IndexVersion, spool: Spool) -> bool:
    return np.array_equal(version_hashes(index, "content"), spool.contents)


def _unchanged(baseline: Baseline, inputs: str = "") -> Outcome:
    manifest = baseline.manifest
    version = manifest.version if manifest else ""
    return Outcome(kind="unchanged", version=version, manifest=manifest, inputs=inputs)


def _judged_before(job: Job, baseline: Baseline, inputs: str) -> Outcome | None:
    """Return what became of the same inputs before, or None if they are new."""
    if inputs in rolled_back(job.repository):
        if baseline.damaged:
            raise IndexUnavailable(
                f"{baseline.problem}; this very corpus was rolled back: change it, or use force"
            )
        return replace(_unchanged(baseline), kind="rolled back")
    attempt = LastAttempt.read(job.repository)
    if attempt is None or attempt.inputs != inputs:
        return None
    if attempt.kind == "failed":
        raise refused(job, attempt.version, attempt.reasons, " The corpus hasn't changed since.")
    manifest = baseline.manifest
    same = manifest and manifest.version == attempt.version and not baseline.damaged
    return _unchanged(baseline) if same else None


def _digest(job: Job, options: Options, golden: Golden, objects: Sequence[CorpusObject]) -> str:
    """Return what changes whenever a run might come to another result."""
    what = [
        job.corpus.url,
        asdict(job.fields),
        [(each.path, each.etag) for each in objects],
        job.encoder.manifest.fingerprint,
        asdict(options),
        asdict(job.limits),
        golden.etag,
    ]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
