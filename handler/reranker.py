"""A cross-encoder: reads a query and a passage together, and tells how well they fit."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from tokenizers import Encoding, Tokenizer

from handler.bundle import ModelManifest
from handler.encoder import CHARS_PER_TOKEN
from handler.onnx_session import open_model

# Pairs in one run. The time limit is looked at between runs.
BATCH = 4
Scores = npt.NDArray[np.float32]


class Reranker:
    """Scores pairs of texts; `open` reads the folder `reranker` of a model bundle."""

    def __init__(
        self, manifest: ModelManifest, tokenizer: Tokenizer, session: ort.InferenceSession
    ) -> None:
        """Compose a reranker; `tokenizer` must truncate by itself and not pad."""
        self.manifest = manifest
        self._tokenizer = tokenizer
        self._session = session
        self._inputs = {value.name for value in session.get_inputs()}

    @classmethod
    def open(cls, folder: Path, threads: int = 1) -> Self:
        """Open a reranker that computes with so many threads.

        Raises:
            ModelError: it is missing, altered, of a newer format, or can't be loaded.
        """
        manifest, tokenizer, session = open_model(folder, threads)
        tokenizer.enable_truncation(manifest.max_tokens)
        return cls(manifest, tokenizer, session)

    def score(self, query: str, texts: Sequence[str], seconds: float) -> Scores | None:
        """Return how well each text fits the query, 0 to 1, shape (len(texts),).

        Return None if that takes longer than `seconds`, give or take a run of BATCH pairs.
        """
        limit = time.monotonic() + seconds
        most = self.manifest.max_tokens * CHARS_PER_TOKEN
        pairs = [(query[:most], text[:most]) for text in texts]
        encodings = self._tokenizer.encode_batch(pairs)
        logits = np.empty(len(pairs), np.float32)
        # Pairs of one length beside each other need the least padding.
        order = np.argsort([len(each) for each in encodings], kind="stable")
        for start in range(0, len(order), BATCH):
            if time.monotonic() > limit:
                return None
            rows = order[start : start + BATCH]
            logits[rows] = self._run([encodings[row] for row in rows])
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)

    def _run(self, pairs: Sequence[Encoding]) -> Scores:
        size = max(len(pair) for pair in pairs)
        feed = {
            "input_ids": _padded([pair.ids for pair in pairs], size),
            "attention_mask": _padded([pair.attention_mask for pair in pairs], size),
            "token_type_ids": _padded([pair.type_ids for pair in pairs], size),
        }
        wanted = {name: value for name, value in feed.items() if name in self._inputs}
        logits: Scores = self._session.run(None, wanted)[0]
        return logits


def _padded(rows: Sequence[Sequence[int]], size: int) -> npt.NDArray[np.int32]:
    """Return rows of numbers as an array, filled with zeros on the right, which the mask hides."""
    filled = np.zeros((len(rows), size), np.int32)
    for row, values in zip(filled, rows, strict=True):
        row[: len(values)] = values
    return filled
