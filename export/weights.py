"""Read tensors from a folder's safetensors files, one at a time, as float32."""

import math
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import ml_dtypes  # noqa: F401 — teaches NumPy the type bfloat16, which safetensors asks it for
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from export.json_files import read_object
from handler.errors import ModelError
from handler.files import FileEntry

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_PREFIXES = ("bert.", "roberta.")


def weight_files(folder: Path) -> list[Path]:
    """List the safetensors files of a folder: one, or the shards that its index names.

    Raises:
        ModelError: there are none, or a shard is missing.
    """
    shards = read_object(folder / INDEX).get("weight_map", {}).values()
    files = [folder / name for name in sorted(set(shards))] or [folder / WEIGHTS]
    for file in files:
        if not file.is_file():
            raise ModelError(
                f"{folder} has no weights: {file.name} is missing. Weights are read from safetensors alone; "
                "load the model with transformers and write it with model.save_pretrained(FOLDER)"
            )
    return files


def weights_sha256(folder: Path) -> str:
    """Return the sha256 of the only weights file below `folder`, or one over the digests of several.

    Raises:
        ModelError: there is none, or it can't be read.
    """
    files = sorted(folder.rglob("*.safetensors")) or weight_files(folder)
    try:
        digests = [FileEntry.of(file).sha256 for file in files]
    except OSError as cause:
        raise ModelError(
            f"cannot read the weights in {folder}: {cause.strerror}; check its permissions"
        ) from cause
    return digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()


class Weights:
    """The tensors of a model, under BERT's names, whatever prefix or spelling they were saved with."""

    def __init__(self, files: dict[str, Any], folder: Path) -> None:
        """Take the open file that holds each tensor, by the name that the file gives it."""
        self._places = {_plain(name): (name, file) for name, file in files.items()}
        self._folder = folder

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the weights in `folder` without reading them; raise ModelError if that fails."""
        files: dict[str, Any] = {}
        for path in weight_files(folder):
            try:
                file: Any = safe_open(path, "np")
            except (SafetensorError, OSError) as cause:
                raise ModelError(
                    f"{path} is not a safetensors file: {cause}; fetch the model again"
                ) from cause
            files.update(dict.fromkeys(file.keys(), file))
        return cls(files, folder)

    @property
    def float32_bytes(self) -> int:
        """Bytes that all tensors take as float32."""
        shapes: list[list[int]] = [
            file.get_slice(name).get_shape() for name, file in self._places.values()
        ]
        return 4 * sum(math.prod(shape) for shape in shapes)

    def get(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Read one tensor; raise ModelError if it is missing or hasn't the shape given, if one is given."""
        if name not in self._places:
            raise ModelError(
                f"the weights in {self._folder} have no tensor {name!r}, which its configuration calls for; "
                "fetch the model again or try --converter optimum"
            )
        key, file = self._places[name]
        tensor: NDArray[np.float32] = file.get_tensor(key).astype(np.float32)
        if shape and tensor.shape != shape:
            raise ModelError(
                f"tensor {name!r} in {self._folder} has shape {tensor.shape}, its configuration says {shape}; "
                "fetch the model again"
            )
        return tensor


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
        "LayerNorm.beta", "LayerNorm.bias"
    )
