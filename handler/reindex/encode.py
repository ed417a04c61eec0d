"""Encoding that can be interrupted: it saves vectors on the way, and stops before time is up."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from handler.corpus.hashes import Hashes, text_hash
from handler.corpus.spool import Spool
from handler.encoder import Encoder
from handler.errors import OutOfTime
from handler.index.embed import encode_documents, groups
from handler.index.embedding_cache import EmbeddingCache, EncodedBatch, EncodedDocument
from handler.index.writer import Options
from handler.progress import Progress

SAVE_SECONDS = 60.0
SAVE_PASSAGES = 32_768
RESERVE_SECONDS = 30.0
"""Seconds that saving may take: a run stops when this and the time of two groups is left."""


@dataclass(kw_only=True)
class Pending:
    """Encoded documents that are not saved yet."""

    save: Callable[[EncodedBatch], None]
    hashes: list[bytes] = field(default_factory=list)
    documents: list[EncodedDocument] = field(default_factory=list)
    passages: int = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, hashes: list[bytes], documents: list[EncodedDocument]) -> None:
        """Add a group of documents and the hashes of their texts."""
        self.hashes += hashes
        self.documents += documents
        self.passages += sum(len(each.scales) for each in documents)

    def flush(self) -> None:
        """Save all that is pending."""
        if self.documents:
            self.save(EncodedBatch.of(self.hashes, self.documents))
        self.hashes, self.documents, self.passages, self.since = [], [], 0, time.monotonic()


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
    encoder: Encoder,
    options: Options,
    *,
    save: Callable[[EncodedBatch], None],
    save_seconds: float = SAVE_SECONDS,
    remaining: Callable[[], float],
    progress: Progress,
) -> int:
    """Encode the documents whose vectors are not known, and return their number.

    Args:
        spool: the documents.
        known: vectors that need not be computed again.
        encoder: encoder of the model.
        options: how texts are split, and the precision of vectors.
        save: receives the encoded documents in batches.
        save_seconds: longest time between two batches.
        remaining: returns the seconds left for the run.
        progress: is told of the stage "encode".

    Raises:
        OutOfTime: the remaining time got short; what is done is saved.
    """
    wanted = missing(known, spool.texts)
    total, done, slowest = int(wanted.sum()), 0, 0.0
    progress("encode", 0, total)
    pending = Pending(save=save)
    for group in groups(spool.select(wanted)) if total else ():
        started = time.monotonic()
        encoded = encode_documents(group, encoder, options.split, options.precision)
        pending.add([text_hash(document) for document in group], encoded)
        done += len(group)
        slowest = max(slowest, time.monotonic() - started)
        if done < total and remaining() < RESERVE_SECONDS + 2 * slowest:
            pending.flush()
            raise OutOfTime(
                f"{done:,} of {total:,} documents were encoded before time was up; "
                "run again to go on"
            )
        if pending.passages >= SAVE_PASSAGES or time.monotonic() - pending.since >= save_seconds:
            pending.flush()
        progress("encode", done, total)
    pending.flush()
    return total
