"""A model bundle opened: its manifest, its tokenizer, its ONNX session."""

from pathlib import Path
from typing import Literal

import onnxruntime as ort
from tokenizers import Tokenizer

from handler.bundle import ModelFiles, ModelManifest
from handler.errors import ModelError

Device = Literal["cpu", "cuda"]
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def open_model(
    folder: Path, threads: int, device: Device = "cpu"
) -> tuple[ModelManifest, Tokenizer, ort.InferenceSession]:
    """Open the model in `folder`; one run computes with so many `threads` on the `device`.

    The tokenizer neither pads nor truncates.

    Raises:
        ModelError: the model is missing, altered, of a newer format, or can't be loaded; or the
            device is "cuda", and this machine or this ONNX Runtime has none.
    """
    _check_device(device, ort.get_available_providers())
    manifest = ModelManifest.read(folder)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        path = str(folder / ModelFiles.ENCODER)
        session = ort.InferenceSession(path, options, providers=[PROVIDERS[device]])
        tokenizer = Tokenizer.from_file(str(folder / ModelFiles.TOKENIZER))
    except Exception as cause:
        raise ModelError(f"{folder} can't be loaded: {cause}; export the model again") from cause
    _check_device(device, session.get_providers())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return manifest, tokenizer, session


def _check_device(device: Device, providers: list[str]) -> None:
    """Raise ModelError if ONNX Runtime has no provider for the device: it would take the CPU."""
    if PROVIDERS[device] not in providers:
        raise ModelError(
            f"device {device} was asked for, and ONNX Runtime {ort.__version__} finds none here; "
            "install onnxruntime-gpu on a machine with a GPU, or use device cpu"
        )
