"""What precedes a new version: is there anything to do, what has changed, and what can be used again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from handler.reindex.baseline import Current
from handler.reindex.incremental_reader import Reading
from handler.reindex.job import Job, Outcome
from handler.versions.last_attempt import LastAttempt, rolled_back

# How often a corpus is read from the start when an object changes meanwhile.
READINGS = 3


@dataclass(frozen=True, slots=True)
class Prepared:
    """A corpus that was read and differs from the current version, and what of that can be used again.

    `before` is the current version if it can be read, `base` the same if its vectors fit.
    """

    current: Current
    options: Options
    golden: Golden
    inputs: str
    spool: Spool
    listing: Listing
    before: IndexVersion | None
    base: Base | None

    @property
    def reusable(self) -> list[EncodedBatch]:
        """The vectors of `base`."""
        return [EncodedBatch.of_version(self.base.index, self.base.folder)] if self.base else []


def prepare(job: Job, scratch: Path, *, dry: bool = False) -> Prepared | Outcome:
    """Read the corpus, or return the outcome at once if nothing is to be done.

    Nothing is written to the store but, unless the run is a `dry` one, a note that the current version is as it
    should be; a dry run does without the version's graph, too.

    Raises:
        GatesFailed: this very corpus failed before.
        CorpusError: the corpus can't be read, has no document, or doesn't stay still.
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


def refused(job: Job, version: str, reasons: Sequence[str], since: str = "") -> GatesFailed:
    """Return the error that says why a version isn't published."""
    return GatesFailed(
        f"index {job.name!r} stays as it is, the new version fails: {'; '.join(reasons)}.{since} "
        f"It is kept for inspection; to publish it nevertheless: querytower rollback {version}"
    )


def _prepare(job: Job, scratch: Path, dry: bool) -> Prepared | Outcome:
    current = Current.read(job.store, job.name)
    if current.touched:
        current = current.verified(job.store, scratch / "before", settle=not dry)
    options = job.options(current.options())
    obstacles = ["that was asked for"] if job.full else current.obstacles(job.encoder, options)
    listing = None if obstacles or not current.listing else current.listing
    if listing and not listing.read_alike(job.corpus.url, job.fields):
        listing = None
    golden = Golden.load(job.store, job.name)
    objects = job.corpus.objects(listing.etags if listing else {}, scratch)
    inputs = _digest(job, options, golden, objects)
    if listing and same_objects(listing.entries, objects):
        return _unchanged(current)
    if not (job.force or job.full) and (done := _judged_before(job, current, inputs)):
        return done
    before, folder = _open(job, current, scratch, obstacles, dry)
    usable = None if obstacles else before
    stored = current.stored(job.store, usable) if usable and listing else None
    reading = Reading(job.corpus, objects, job.fields, stored, scratch, [])
    rejects = scratch / IndexFiles.REJECTS
    rejects.unlink(missing_ok=True)
    spool = Spool.write(reading, scratch / "spool.jsonl", rejects, max_rejects=1.0)
    job.progress("total", spool.documents)
    if usable and usable.manifest.rejected == spool.rejected and _same_documents(usable, spool):
        return _unchanged(current, inputs)
    listing = Listing(job.corpus.url, job.fields, reading.entries)
    return Prepared(
        current,
        options,
        golden,
        inputs,
        spool,
        listing,
        before,
        Base(usable, folder) if usable else None,
    )


def _open(
    job: Job, current: Current, scratch: Path, obstacles: list[str], dry: bool
) -> tuple[IndexVersion | None, Path]:
    """Open the current version, if it can be, and tell of all `obstacles` to using it, to which that may add one."""
    before, folder = None, scratch
    try:
        if current.manifest:
            before, folder = current.fetch(
                job.store, scratch / "before", graph=not (obstacles or dry)
            )
    except IndexUnavailable as problem:
        obstacles.append(str(problem))
    for reason in obstacles:
        job.tell("full_rebuild", reason=reason)
    if current.problem and not obstacles:
        job.tell("all_objects_read", reason=current.problem)
    return before, folder


def _same_documents(index: IndexVersion, spool: Spool) -> bool:
    return np.array_equal(version_hashes(index, "content"), spool.contents)


def _unchanged(current: Current, inputs: str = "") -> Outcome:
    return Outcome(
        "unchanged",
        current.manifest.version if current.manifest else "",
        current.manifest,
        inputs=inputs,
    )


def _judged_before(job: Job, current: Current, inputs: str) -> Outcome | None:
    """Return what became of the same inputs before, or None if they are new."""
    if inputs in rolled_back(job.store, job.name):
        if current.damaged:
            raise IndexUnavailable(
                f"{current.problem}; this very corpus was rolled back: change it, or use force"
            )
        return Outcome(
            "rolled back", current.manifest.version if current.manifest else "", current.manifest
        )
    verdict = LastAttempt.read(job.store, job.name)
    if verdict is None or verdict.inputs != inputs:
        return None
    if verdict.kind == "failed":
        raise refused(job, verdict.version, verdict.reasons, " The corpus hasn't changed since.")
    same = current.manifest and current.manifest.version == verdict.version and not current.damaged
    return _unchanged(current) if same else None


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
