"""A model bundle opened: its manifest, its tokenizer, its ONNX session."""

from pathlib import Path

import onnxruntime as ort
from tokenizers import Tokenizer

from handler.bundle import ModelFiles, ModelManifest
from handler.errors import ModelError


def open_model(folder: Path, threads: int) -> tuple[ModelManifest, Tokenizer, ort.InferenceSession]:
    """Open the model in `folder`; one run computes with so many `threads`.

    The tokenizer neither pads nor truncates.

    Raises:
        ModelError: the model is missing, altered, of a newer format, or can't be loaded.
    """
    manifest = ModelManifest.read(folder)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        path = str(folder / ModelFiles.ENCODER)
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        tokenizer = Tokenizer.from_file(str(folder / ModelFiles.TOKENIZER))
    except Exception as cause:
        raise ModelError(f"{folder} can't be loaded: {cause}; export the model again") from cause
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return manifest, tokenizer, session
