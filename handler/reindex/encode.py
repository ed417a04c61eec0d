"""Encoding that can be interrupted: vectors are saved as it goes, and it stops by itself before time is up."""

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
# What a run needs to save its work, and some more: it stops when less than this and two groups' time is left.
RESERVE_SECONDS = 30.0


@dataclass
class Pending:
    """Encoded documents that are not saved yet."""

    save: Callable[[EncodedBatch], None]
    hashes: list[bytes] = field(default_factory=list)
    documents: list[EncodedDocument] = field(default_factory=list)
    passages: int = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, hashes: list[bytes], documents: list[EncodedDocument]) -> None:
        """Take a group."""
        self.hashes += hashes
        self.documents += documents
        self.passages += sum(len(each.scales) for each in documents)

    def flush(self) -> None:
        """Save what there is."""
        if self.documents:
            self.save(EncodedBatch.of(self.hashes, self.documents))
        self.hashes, self.documents, self.passages, self.since = [], [], 0, time.monotonic()


def missing(known: EmbeddingCache, texts: Hashes) -> npt.NDArray[np.bool_]:
    """Tell which texts must be encoded, shape (len(texts),): the first of each that is not known."""
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
    """Encode the documents whose vectors are not `known`, hand them to `save` in parts, and return their number.

    Raises:
        OutOfTime: `remaining` seconds got short; what is done is saved.
    """
    wanted = missing(known, spool.texts)
    total, done, slowest = int(wanted.sum()), 0, 0.0
    if total:
        progress("encode", 0, total)
    pending = Pending(save)
    for group in groups(spool.select(wanted)) if total else ():
        started = time.monotonic()
        pending.add(
            [text_hash(document) for document in group],
            encode_documents(group, encoder, options.split, options.precision),
        )
        done += len(group)
        slowest = max(slowest, time.monotonic() - started)
        if done < total and remaining() < RESERVE_SECONDS + 2 * slowest:
            pending.flush()
            raise OutOfTime(
                f"{done:,} of {total:,} documents were encoded before time was up; run again to go on"
            )
        if pending.passages >= SAVE_PASSAGES or time.monotonic() - pending.since >= save_seconds:
            pending.flush()
        progress("encode", done, total)
    pending.flush()
    return total
