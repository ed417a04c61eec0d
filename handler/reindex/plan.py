"""What comes before a new version: is there anything to do, what has changed, what is reused."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from handler.corpus.findings import Findings
from handler.corpus.listing import CorpusObject, Listing, same_objects
from handler.corpus.spool import Spool
from handler.errors import CorpusChanged, GatesFailed, IndexUnavailable
from handler.index.embedding_cache import EncodedBatch, version_hashes
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles
from handler.index.writer import Options
from handler.quality.golden import Golden
from handler.reindex.baseline import Baseline
from handler.reindex.incremental_reader import IncrementalReader, IndexedObjects
from handler.reindex.job import Outcome, ReindexJob
from handler.reindex.own_vectors import own_vectors

READINGS = 3
"""How often a corpus is read when an object changes meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A corpus that was read and differs from the published version, and what can be reused.

    `rejects` is the file that lists rejected records, if there are any. `before` is the published
    version if it can be opened, `reused` the same version if its vectors can be reused. `own` are
    vectors that came with the corpus.
    """

    baseline: Baseline
    options: Options
    golden: Golden
    inputs: str
    spool: Spool
    listing: Listing
    rejects: Path
    before: IndexVersion | None = None
    reused: IndexVersion | None = None
    own: Sequence[EncodedBatch] = ()

    @property
    def shared_files(self) -> set[str]:
        """sha256 of the files in the store that a new version need not upload again.

        They are good, because the version was opened, and they stay while it is published.
        """
        return (
            {each.sha256 for each in self.before.manifest.files.values()} if self.before else set()
        )

    @property
    def reusable(self) -> list[EncodedBatch]:
        """The vectors that came with the corpus, and those of `reused`."""
        known = EncodedBatch.of_version(self.reused) if self.reused else []
        return [*self.own, *known]


def plan_update(job: ReindexJob, scratch: Path, *, dry: bool = False) -> Plan | Outcome:
    """Read what has changed in the corpus, or return the outcome at once if nothing has.

    Nothing is written to the store, except a note that the published version is intact. A `dry` run
    leaves that out too, and does not fetch the version's graph.

    Raises:
        GatesFailed: the same corpus failed before.
        IndexUnavailable: the published version is damaged, and the same corpus was rolled back.
        CorpusError: the corpus can't be read, has no document, or keeps changing.
        StoreError: the store can't be read.
    """
    for _ in range(READINGS - 1):
        try:
            return _plan_update(job, scratch, dry)
        except CorpusChanged as problem:
            job.tell("corpus_changed", problem=str(problem))
    return _plan_update(job, scratch, dry)


def plan_from_scratch(job: ReindexJob, scratch: Path) -> Plan:
    """Read the whole corpus; nothing of the published version is looked at.

    Raises:
        CorpusError: the corpus can't be read, has no document, or too many rejected records.
        StoreError: the store can't be read.
    """
    baseline = Baseline(etag=job.repository.pointer_etag())
    options, golden = job.options(Options()), Golden.load(job.repository)
    objects = job.corpus.objects({}, scratch)
    rejects = job.rejects or scratch / IndexFiles.REJECTS
    reader, spool = _spool(job, objects, scratch, rejects, job.limits.max_rejects)
    return Plan(
        baseline=baseline,
        options=options,
        golden=golden,
        inputs=_digest(job, options, golden, objects),
        spool=spool,
        listing=_listing(job, reader, spool.types),
        rejects=rejects if spool.rejected + spool.unreadable else scratch / IndexFiles.REJECTS,
        own=own_vectors(spool, job.encoder, options.precision, scratch),
    )


def refusal(job: ReindexJob, version: str, reasons: Sequence[str], since: str = "") -> GatesFailed:
    """Return the error that says why `version` is not published."""
    return GatesFailed(
        f"index {job.repository.name!r} is unchanged, the new version fails: "
        f"{'; '.join(reasons)}.{since} "
        f"It is kept for inspection; to publish it nevertheless: querytower rollback {version}"
    )


def _plan_update(job: ReindexJob, scratch: Path, dry: bool) -> Plan | Outcome:
    baseline = Baseline.read(job.repository)
    if baseline.touched:
        baseline = baseline.verified(scratch / "before", note=not dry)
    options = job.options(baseline.options())
    obstacles = ["requested"] if job.full else baseline.obstacles(job.encoder, options)
    listing = _comparable_listing(job, baseline, obstacles)
    golden = Golden.load(job.repository)
    objects = job.corpus.objects(listing.etags if listing else {}, scratch)
    inputs = _digest(job, options, golden, objects)
    moved = job.serving not in (None, baseline.serving)
    if listing and same_objects(listing.entries, objects) and not moved:
        return unchanged(baseline)
    if not (job.force or job.full) and (done := _earlier_outcome(job, baseline, inputs)):
        return done
    before = _open(job, baseline, scratch, obstacles)
    reused = None if obstacles else before
    indexed = baseline.indexed_objects(reused) if reused and listing else None
    rejects = scratch / IndexFiles.REJECTS
    reader, spool = _spool(job, objects, scratch, rejects, 1.0, indexed)
    types = spool.types
    if listing and indexed and reused:
        if not spool.fits(reused.manifest.schema, listing.types):
            # Values that were converted are not what the corpus holds any more.
            reader, spool = _spool(job, objects, scratch, rejects, 1.0)
        types = {**listing.types, **spool.types}
    if reused and _same_documents(reused, spool) and not moved:
        return unchanged(baseline, inputs)
    return Plan(
        baseline=baseline,
        options=options,
        golden=golden,
        inputs=inputs,
        spool=spool,
        listing=_listing(job, reader, types),
        rejects=rejects,
        before=before,
        reused=reused,
        own=own_vectors(spool, job.encoder, options.precision, scratch),
    )


def _comparable_listing(
    job: ReindexJob, baseline: Baseline, obstacles: list[str]
) -> Listing | None:
    """Return the listing of the published version if the corpus would be read in the same way."""
    listing = baseline.listing
    if obstacles or not listing or not listing.read_alike(job.corpus.url, job.reading):
        return None
    return listing


def _spool(
    job: ReindexJob,
    objects: Sequence[CorpusObject],
    scratch: Path,
    rejects: Path,
    max_rejects: float,
    indexed: IndexedObjects | None = None,
) -> tuple[IncrementalReader, Spool]:
    """Read the corpus, and tell of metadata fields that can't be filtered by.

    Returns:
        The reader, which knows what each object gave, and the documents.
    """
    rejects.unlink(missing_ok=True)
    reader = IncrementalReader(
        corpus=job.corpus,
        objects=objects,
        options=job.reading,
        indexed=indexed,
        scratch=scratch,
        findings=Findings(),
    )
    most = job.reading.bounds.fields
    spool = Spool.write(
        reader,
        scratch / "spool.jsonl",
        rejects,
        max_rejects,
        types=job.reading.types,
        max_fields=most,
        vectors=job.reading.vectors,
    )
    job.progress("read", spool.documents, spool.documents)
    for sentence in [*reader.findings.sentences(job.reading.fields), *spool.losses()]:
        job.tell("corpus_read", found=sentence)
    if spool.unreadable:
        job.tell(
            "files_skipped",
            files=spool.unreadable,
            found=f"they can't be read; {IndexFiles.REJECTS} says why",
        )
    if spool.left_out:
        problem = (
            f"the corpus has more than {most:,} metadata fields: {spool.left_out!r} and others "
            "are stored but can't be filtered by; to change that, raise QUERYTOWER_MAX_FIELDS"
        )
        job.tell("fields_left_out", problem=problem)
    return reader, spool


def _listing(job: ReindexJob, reader: IncrementalReader, types: Mapping[str, str]) -> Listing:
    return Listing(
        url=job.corpus.url, options=job.reading, entries=reader.entries, types=dict(types)
    )


def _open(
    job: ReindexJob, baseline: Baseline, scratch: Path, obstacles: list[str]
) -> IndexVersion | None:
    """Open the published version if that is possible, and tell why vectors can't be reused.

    Args:
        job: the job of the run.
        baseline: the published version.
        scratch: folder for downloads.
        obstacles: the reasons known so far; that the version can't be opened is added.
    """
    before = None
    try:
        if baseline.version:
            before = baseline.open(scratch / "before")
    except IndexUnavailable as problem:
        obstacles.append(str(problem))
    for reason in obstacles:
        job.tell("full_rebuild", reason=reason)
    if baseline.problem and not obstacles:
        job.tell("all_objects_read", reason=baseline.problem)
    return before


def _same_documents(index: IndexVersion, spool: Spool) -> bool:
    same = np.array_equal(version_hashes(index, "content"), spool.contents)
    return same and index.manifest.rejected == spool.rejected


def unchanged(baseline: Baseline, inputs: str = "") -> Outcome:
    """Return the outcome of a run that found nothing to do."""
    return Outcome(
        kind="unchanged", version=baseline.name, manifest=baseline.manifest, inputs=inputs
    )


def _earlier_outcome(job: ReindexJob, baseline: Baseline, inputs: str) -> Outcome | None:
    """Return what an earlier run with the same inputs came to, or None if they are new."""
    attempts = job.repository.attempts
    if inputs in attempts.rolled_back():
        if baseline.damaged:
            raise IndexUnavailable(
                f"{baseline.problem}; the same corpus was rolled back: change it, or use force"
            )
        return Outcome(kind="rolled back", version=baseline.name, manifest=baseline.manifest)
    attempt = attempts.last()
    if attempt is None or attempt.inputs != inputs:
        return None
    if attempt.kind == "failed":
        since = " The corpus has not changed since."
        raise refusal(job, attempt.version, attempt.reasons, since)
    intact = baseline.version and not baseline.damaged
    return unchanged(baseline) if intact and baseline.name == attempt.version else None


def _digest(
    job: ReindexJob, options: Options, golden: Golden, objects: Sequence[CorpusObject]
) -> str:
    """Return a digest of everything that the result of a run depends on."""
    what = [
        job.corpus.url,
        asdict(job.reading),
        [(each.path, each.etag) for each in objects],
        job.encoder.manifest.fingerprint,
        asdict(options),
        asdict(job.limits),
        golden.etag,
        job.serving,
    ]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
