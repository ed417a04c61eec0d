"""Encoding that can be interrupted, on this machine or on an engine: each finished slice is kept."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from handler.corpus.hashes import Hashes
from handler.corpus.spool import Spool
from handler.encoder import Encoder
from handler.errors import OutOfTime
from handler.index.embedding_cache import EmbeddingCache
from handler.progress import Progress
from handler.reindex.parts import Notice, Parts
from handler.reindex.slices import Slice, SliceSize, cut

RESERVE_SECONDS = 30.0
"""Seconds that saving may take: a run stops when this and the time of two slices is left."""

Report = Callable[[int], None]
"""Is told how many documents are encoded so far."""


class Engine(Protocol):
    """Makes a part of each slice, on whatever machines it knows."""

    def __call__(self, pieces: Iterator[Slice], parts: Parts, report: Report, /) -> None:
        """Return when `parts` has the part of each slice.

        Raises:
            OutOfTime: the time of the run got short; what is done is kept.
            QuerytowerError: the engine failed; what is done is kept.
        """


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Encodes in this process, until the `remaining` seconds get short."""

    encoder: Encoder
    remaining: Callable[[], float]

    def __call__(self, pieces: Iterator[Slice], parts: Parts, report: Report, /) -> None:
        """Encode slice after slice."""
        done, slowest = 0, 0.0
        for piece in pieces:
            if done and self.remaining() < RESERVE_SECONDS + 2 * slowest:
                raise OutOfTime(
                    f"{parts.found + done:,} documents are encoded, and time is up before the "
                    "others; run again to go on"
                )
            started = time.monotonic()
            part = parts.recipe.encode(piece, self.encoder, partial(_add, report, done))
            parts.save(piece.name, part)
            slowest = max(slowest, time.monotonic() - started)
            done += len(piece.documents)
            report(done)


def _add(report: Report, before: int, done: int) -> None:
    report(before + done)


def missing(known: EmbeddingCache, texts: Hashes) -> npt.NDArray[np.bool_]:
    """Tell which texts must be encoded, shape (len(texts),).

    These are the texts that are not known; of equal texts, only the first.
    """
    first = np.zeros(len(texts), bool)
    first[np.unique(texts, return_index=True)[1]] = True
    return first & ~known.has(texts)


def encode_missing(
    spool: Spool,
    known: EmbeddingCache,
    parts: Parts,
    engine: Engine,
    *,
    size: SliceSize,
    notice: Notice,
    progress: Progress,
) -> int:
    """Encode the documents whose vectors are not known, and return how many this run did.

    Args:
        spool: the documents.
        known: vectors that need not be computed again.
        parts: receives the encoded slices; those of earlier runs are kept.
        engine: encodes the slices.
        size: bounds of a slice.
        notice: is told of damaged parts, which are made again.
        progress: is told of the stage "encode".

    Raises:
        OutOfTime: the time of the run got short; what is done is kept.
        QuerytowerError: the engine or the store failed; what is done is kept.
    """
    wanted = missing(known, spool.texts)
    total = int(wanted.sum())
    progress("encode", 0, total)
    if not total:
        return 0
    parts.fetch(notice)
    pieces = parts.left(cut(spool.select(wanted), size))
    engine(pieces, parts, lambda done: progress("encode", parts.found + done, total))
    progress("encode", total, total)
    return total - parts.found
