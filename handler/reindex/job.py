"""A run of the reindex: what it is asked for, and its outcome."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from handler.corpus.records import DEFAULT_FIELDS, FieldNames
from handler.corpus.sources import Corpus
from handler.encoder import Encoder
from handler.index.manifest import IndexManifest
from handler.index.writer import Options
from handler.log import log, metric
from handler.progress import Progress, no_progress
from handler.quality.changes import Changes
from handler.quality.drift import Drift
from handler.quality.gates import Limits
from handler.reindex.encode import SAVE_SECONDS
from handler.versions.lease import LeaseConfig
from handler.versions.repository import IndexRepository

OutcomeKind = Literal["published", "unchanged", "rolled back"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One corpus to index into one repository, and how.

    Attributes:
        corpus: where the documents come from.
        repository: where the versions go.
        encoder: of passages and of golden queries.
        fields: names of the corpus fields that hold id, title, text and link.
        options: gets the options of the current version and returns those of the next.
        limits: gates that the new version must pass.
        force: publish although documents are missing, or although this very corpus was refused.
        full: encode everything again.
        threads: CPUs for the graph.
        terms: of the lease.
        save_seconds: seconds between checkpoints.
        remaining: returns how many seconds are left.
        progress: is told of the stages read, encode, text, graph, check, upload, publish, clean.
        tell: is told of events, as log.log is.
        measure: is told of metrics, as log.metric is.
    """

    corpus: Corpus
    repository: IndexRepository
    encoder: Encoder
    fields: FieldNames = DEFAULT_FIELDS
    options: Callable[[Options], Options] = lambda current: current
    limits: Limits = field(default_factory=Limits)
    force: bool = False
    full: bool = False
    threads: int = 1
    terms: LeaseConfig = field(default_factory=LeaseConfig)
    save_seconds: float = SAVE_SECONDS
    remaining: Callable[[], float] = lambda: math.inf
    progress: Progress = no_progress
    tell: Callable[..., None] = log
    measure: Callable[..., None] = metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a run.

    Attributes:
        kind: whether a new version was published, and if not, why.
        version: the current version after the run.
        manifest: of that version.
        drift: how a new version differs from the one before.
        encoded: documents encoded by this run.
        inputs: digest of the inputs, if the documents had to be read to see that none changed.
    """

    kind: OutcomeKind
    version: str
    manifest: IndexManifest | None = None
    drift: Drift | None = None
    encoded: int = 0
    inputs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do; `encode` counts the documents to encode."""

    documents: int
    rejected: int
    encode: int
    changes: Changes | None
