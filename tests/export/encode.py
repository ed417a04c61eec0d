"""Run an encoder graph, as plainly as can be."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from handler.bundle import ModelFiles

Vectors = NDArray[np.float32]


def run(bundle: Path, ids: list[list[int]]) -> Vectors:
    """Embed token ids in one batch padded on the right; return [texts, dimension]."""
    session = onnxruntime.InferenceSession(
        bundle / ModelFiles.ENCODER, providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_inputs()]
    assert sorted(names) == ["attention_mask", "input_ids"]
    kind = np.int64 if session.get_inputs()[0].type == "tensor(int64)" else np.int32
    tokens, mask = pad(ids)
    feed = {"input_ids": tokens.astype(kind), "attention_mask": mask.astype(kind)}
    [vectors] = session.run(["sentence_embedding"], feed)
    assert isinstance(vectors, np.ndarray)
    return vectors


def pad(ids: list[list[int]], filler: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return token ids and attention mask, both [texts, tokens]."""
    longest = max(map(len, ids))
    tokens = [row + [filler] * (longest - len(row)) for row in ids]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in ids]
    return np.array(tokens), np.array(mask)
