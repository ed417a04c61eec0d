"""What a run is asked for, and what it comes to."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from handler.corpus.records import DEFAULT_FIELDS, FieldNames
from handler.corpus.sources import Corpus
from handler.encoder import Encoder
from handler.index.manifest import IndexManifest
from handler.index.writer import Options, Progress, no_progress
from handler.log import log, metric
from handler.quality.changes import Changes
from handler.quality.drift import Drift
from handler.quality.gates import Limits
from handler.reindex.encode import SAVE_SECONDS
from handler.storage.store import Store
from handler.versions.lease import LeaseConfig

OutcomeKind = Literal["published", "unchanged", "rolled back"]


@dataclass(frozen=True)
class Job:
    """What is made of which corpus, and how.

    `options` gets those of the current version and returns those of the next. `force` publishes although documents
    went missing, or although this very corpus was refused before; `full` encodes everything anew. `remaining` tells
    how many seconds are left; `tell` and `measure` are told of events and metrics, as the functions of log.py are,
    and `progress` of the stages encode, text, graph, check, upload, publish and clean; of "total" first, how many
    documents there are, and of "missing", how many of them must be encoded.
    """

    corpus: Corpus
    store: Store
    encoder: Encoder
    name: str = "default"
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: the version that is current now, and how it differs from the one before if it is new.

    `inputs` is given where it took a look at the documents to see that they are the same as before.
    """

    kind: OutcomeKind
    version: str
    manifest: IndexManifest | None = None
    drift: Drift | None = None
    encoded: int = 0
    inputs: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do; `encode` counts the documents to encode."""

    documents: int
    rejected: int
    encode: int
    changes: Changes | None
