"""Vectors that come with a corpus are taken instead of encoding, if they are of the model at hand."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from handler.corpus.document import Document
from handler.corpus.passages import passage_text
from handler.corpus.spool import Spool
from handler.encoder import Encoder
from handler.errors import CorpusError
from handler.index.embedding_cache import EncodedBatch
from handler.index.vectors import Precision, quantize

BATCH = 32_768
CHECKED = 24
"""Documents that are encoded to find out whether their vectors are the model's."""
LEAST_COSINE = 0.7
"""Least median cosine to the model's own vectors: less than quantization, long texts and prompts cost."""


def own_vectors(
    spool: Spool, encoder: Encoder, precision: Precision, scratch: Path
) -> list[EncodedBatch]:
    """Return the vectors that came with the documents, each as one passage: the whole text.

    Raises:
        CorpusError: the vectors have another dimension than the model's, or are of another model.
    """
    column = spool.vectors
    if not column.dimension:
        return []
    _check(spool, encoder)
    vectors, hashes, lengths = column.vectors(), column.hashes, column.lengths
    parts = []
    for start in range(0, len(vectors), BATCH):
        rows = slice(start, start + BATCH)
        batch = np.asarray(vectors[rows])
        codes, scales = quantize(batch / np.linalg.norm(batch, axis=1, keepdims=True), precision)
        spans = np.stack([np.zeros_like(lengths[rows]), lengths[rows]], axis=1)
        path = scratch / f"own-vectors-{start}"
        EncodedBatch(
            hashes=hashes[rows],
            first=np.arange(len(batch) + 1, dtype=np.int64),
            spans=spans,
            codes=codes,
            scales=scales,
        ).write(path)
        parts.append(EncodedBatch.read(path, precision))
    return parts


def _check(spool: Spool, encoder: Encoder) -> None:
    column, model = spool.vectors, encoder.manifest.model
    if column.dimension != encoder.dimension:
        raise CorpusError(
            f"{column.name} has vectors of {column.dimension} numbers, and {model} makes "
            f"{encoder.dimension}; use the model that made them, or leave out --vectors"
        )
    known = dict(zip(column.hashes.tolist(), range(len(column.hashes)), strict=True))
    pairs = zip(spool, spool.texts.tolist(), strict=True)
    sample = list(islice(((each, known[key]) for each, key in pairs if key in known), CHECKED))
    cosine = _median_cosine(
        [document for document, _ in sample],
        np.asarray(column.vectors()[[row for _, row in sample]]),
        encoder,
    )
    if cosine < LEAST_COSINE:
        raise CorpusError(
            f"the vectors in {column.name} are not of {model}: their median cosine to its own is "
            f"{cosine:.2f}; use the model that made them, or leave out --vectors"
        )


def _median_cosine(documents: Sequence[Document], vectors: np.ndarray, encoder: Encoder) -> float:
    texts = [passage_text(each.title, each.text) for each in documents]
    plain = [each.text or each.title for each in documents]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    # Whoever made them may have left out the titles.
    return max(
        float(np.median(np.sum(unit * encoder.encode(kind, "document"), axis=1)))
        for kind in (texts, plain)
    )
