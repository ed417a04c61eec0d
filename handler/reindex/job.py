"""What a run is asked for, and what it comes to."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from handler.bundle import IndexManifest
from handler.corpus.corpus import DEFAULT_FIELDS, Fields
from handler.corpus.sources import Corpus
from handler.encoder import Encoder
from handler.index.build import Options, Progress, no_progress
from handler.log import log, metric
from handler.reindex.changes import Changes
from handler.reindex.drift import Drift
from handler.reindex.gates import Limits
from handler.reindex.lease import Terms
from handler.reindex.resumable import SAVE_SECONDS
from handler.store.store import Store

Kind = Literal["published", "unchanged", "rolled back"]


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
    fields: Fields = DEFAULT_FIELDS
    options: Callable[[Options], Options] = lambda current: current
    limits: Limits = field(default_factory=Limits)
    force: bool = False
    full: bool = False
    threads: int = 1
    terms: Terms = field(default_factory=Terms)
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

    kind: Kind
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
