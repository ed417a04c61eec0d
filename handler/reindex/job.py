"""What a run is asked to do, and its result."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from handler.corpus.bounds import Bounds
from handler.corpus.options import DEFAULT_OPTIONS, FieldNames, ReadOptions
from handler.corpus.schema import KINDS
from handler.corpus.sources import Corpus
from handler.encoder import Encoder
from handler.index.manifest import IndexManifest
from handler.index.writer import Options
from handler.log import log, metric
from handler.progress import Progress, no_progress
from handler.quality.changes import Changes
from handler.quality.drift import Drift
from handler.quality.gates import Limits
from handler.reindex.encode import Engine
from handler.reindex.slices import SliceSize
from handler.settings import SettingError, Settings
from handler.tiers.tier import Serving
from handler.versions.lease import LeaseConfig
from handler.versions.repository import IndexRepository

OutcomeKind = Literal["published", "unchanged", "rolled back"]


@dataclass(frozen=True, kw_only=True)
class ReindexJob:
    """A corpus, the index to make of it, and how.

    Attributes:
        corpus: the documents.
        repository: the index.
        encoder: encoder of the model at hand.
        reading: how the corpus is read.
        options: returns the options of the new version, given those of the published one.
        limits: gates that the new version must pass.
        force: publish although documents are missing, or although the same corpus was refused.
        full: encode everything again.
        serving: what serves the new version; None for what serves the published one.
        rejects: file that lists rejected records; None for a temporary one.
        lease: how long the lease lasts.
        engine: encodes slices of the corpus; None for this process.
        slices: bounds of a slice.
        remaining: returns the seconds left for the run.
        progress: is told of the stages read, encode, text, check, upload, publish, clean.
        tell: is told of events, like `handler.log.log`.
        measure: is told of metrics, like `handler.log.metric`.
    """

    corpus: Corpus
    repository: IndexRepository
    encoder: Encoder
    reading: ReadOptions = DEFAULT_OPTIONS
    options: Callable[[Options], Options] = lambda current: current
    limits: Limits = field(default_factory=Limits)
    force: bool = False
    full: bool = False
    serving: Serving | None = None
    rejects: Path | None = None
    lease: LeaseConfig = field(default_factory=LeaseConfig)
    engine: Engine | None = None
    slices: SliceSize = field(default_factory=SliceSize)
    remaining: Callable[[], float] = lambda: math.inf
    progress: Progress = no_progress
    tell: Callable[..., None] = log
    measure: Callable[..., None] = metric


def read_options(settings: Settings) -> ReadOptions:
    """Return how the settings say that a corpus is read.

    Raises:
        SettingError: a setting can't be used.
    """
    return ReadOptions(
        fields=field_names(settings.corpus_fields, "QUERYTOWER_CORPUS_FIELDS"),
        types=field_types(settings.corpus_types.split(","), "QUERYTOWER_CORPUS_TYPES"),
        ignore=[name.strip() for name in settings.corpus_ignore.split(",") if name.strip()],
        table=settings.corpus_table,
        vectors=settings.corpus_vectors,
        encoding=settings.corpus_encoding,
        base_url=settings.corpus_base_url,
        bounds=Bounds.of(settings),
    )


def field_types(texts: Sequence[str], origin: str) -> dict[str, str]:
    """Return the types of fields that texts such as `year=integer` name.

    Raises:
        SettingError: a text is of another form; the message names the `origin` of the texts.
    """
    types = {}
    for text in filter(str.strip, texts):
        name, _, kind = (part.strip() for part in text.rpartition("="))
        if not name or kind not in KINDS:
            raise SettingError(
                f"{origin} is {text.strip()!r}; give a field and one of {', '.join(KINDS)}, "
                "such as year=integer"
            )
        types[name] = kind
    return types


def field_names(text: str, origin: str) -> FieldNames:
    """Return the fields that `text` names: id, title, text and link, separated by commas.

    What is left empty is guessed; several fields of text are joined by a plus.

    Raises:
        SettingError: there are not four names; the message names the `origin` of the text.
    """
    if not text.strip():
        return FieldNames()
    names = [name.strip() for name in text.split(",")]
    if len(names) != 4:
        raise SettingError(
            f"{origin} is {text!r}; give four names, such as id,title,text,url, "
            "or some of them: ,name,summary+review,"
        )
    return FieldNames(id=names[0], title=names[1], text=names[2].replace("+", ","), url=names[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a run: the version that is current now, and its drift if it is new.

    `inputs` is the digest of corpus and settings if the run had to read documents to find out that
    nothing has changed.
    """

    kind: OutcomeKind
    version: str
    manifest: IndexManifest | None = None
    drift: Drift | None = None
    encoded: int = 0
    inputs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a run would do; `encode` counts the documents to encode."""

    documents: int
    rejected: int
    encode: int
    changes: Changes | None
