"""The tensors of a model folder, whatever file format they are in, as float32."""

import math
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, Self

import ml_dtypes  # noqa: F401 — teaches NumPy the type bfloat16, which safetensors asks it for
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from export.json_files import read_json
from export.torch_file import TorchFile
from handler.errors import ModelError
from handler.files import FileEntry

# In order of preference: the file, and the index of its shards.
FORMATS = ("model.safetensors", "pytorch_model.bin")
# protobuf stops at 2 GiB; the nodes and names of a graph take far less than 16 MiB.
MOST_BYTES = 2**31 - 2**24
FLOATS = ("float16", "bfloat16", "float32", "float64")


class TensorFile(Protocol):
    """An open file of named tensors."""

    def names(self) -> list[str]:
        """List the tensors."""

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""

    def read(self, name: str) -> NDArray[Any]:
        """Read a tensor."""


class SafetensorsFile:
    """A safetensors file."""

    def __init__(self, path: Path) -> None:
        """Open the file; raise SafetensorError or OSError if that fails."""
        self._file: Any = safe_open(path, "np")

    def names(self) -> list[str]:
        """List the tensors."""
        return list(self._file.keys())

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""
        return tuple(self._file.get_slice(name).get_shape())

    def read(self, name: str) -> NDArray[Any]:
        """Read a tensor."""
        tensor: NDArray[Any] = self._file.get_tensor(name)
        return tensor


def weight_files(folder: Path) -> list[Path]:
    """List the weight files of a folder: one, or the shards that its index names.

    Raises:
        ModelError: there are none, a shard is missing, or the index is broken.
    """
    for name in FORMATS:
        index = folder / f"{name}.index.json"
        files = _shards(index) if index.is_file() else [folder / name]
        missing = [file for file in files if not file.is_file()]
        if not missing:
            return files
        if index.is_file():
            raise ModelError(
                f"{folder} has no {missing[0].name}, which {index.name} names; fetch the model again"
            )
    raise ModelError(
        f"{folder} has no weights: there is no {' and no '.join(FORMATS)}; load the model with "
        "transformers and write it with model.save_pretrained(FOLDER)"
    )


def _shards(index: Path) -> list[Path]:
    content = read_json(index)
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict) or not places:
        raise ModelError(
            f"{index}: weight_map is no object of tensor and file names; fetch the model again"
        )
    for name in places.values():
        if not isinstance(name, str) or PurePosixPath(name).name != name or "\\" in name:
            raise ModelError(
                f"{index}: weight_map names {str(name)[:60]!r}, which is no file of this folder; "
                "do not use this model"
            )
    return [index.parent / name for name in sorted(set(places.values()))]


def weights_sha256(folder: Path) -> str:
    """Return the sha256 of the only weight file below `folder`, or one over the digests of several.

    Raises:
        ModelError: there is none, or it can't be read.
    """
    files = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("pytorch_model*.bin"))
    try:
        digests = [FileEntry.of(file).sha256 for file in files or weight_files(folder)]
    except OSError as cause:
        raise ModelError(
            f"cannot read the weights in {folder}: {cause.strerror}; check its permissions"
        ) from cause
    return digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()


class Weights:
    """The tensors of a model under one spelling of their names, with or without a head on top."""

    def __init__(self, files: dict[str, TensorFile], folder: Path, prefix: str = "") -> None:
        """Take the open file of each tensor; `prefix` is removed from the names that have it."""
        self._places = {_plain(name, prefix): (name, file) for name, file in files.items()}
        self._folder = folder

    @classmethod
    def open(cls, folder: Path, prefix: str = "") -> Self:
        """Open the weights in `folder` without reading them; raise ModelError if that fails."""
        files: dict[str, TensorFile] = {}
        for path in weight_files(folder):
            file = _open(path)
            files.update(dict.fromkeys(file.names(), file))
        return cls(files, folder, prefix)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    @property
    def float32_bytes(self) -> int:
        """Bytes that all tensors take as float32."""
        return 4 * sum(math.prod(file.shape(name)) for name, file in self._places.values())

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor; raise ModelError if there is none of this name."""
        key, file = self._find(name)
        return file.shape(key)

    def get(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Read one tensor as float32.

        Raises:
            ModelError: there is none of this name, it hasn't the shape given (if one is given), or
                it holds something else than finite floating-point numbers.
        """
        key, file = self._find(name)
        if shape and file.shape(key) != shape:
            raise ModelError(
                f"tensor {name!r} in {self._folder} has shape {file.shape(key)}, its configuration "
                f"says {shape}; fetch the model again"
            )
        tensor = file.read(key)
        if tensor.dtype.name not in FLOATS:
            raise ModelError(
                f"tensor {name!r} in {self._folder} holds {tensor.dtype.name}, not floating-point "
                "numbers; choose the model's original weights instead of quantized ones"
            )
        floats = tensor.astype(np.float32)
        if not floats.size:
            raise ModelError(f"tensor {name!r} in {self._folder} is empty; fetch the model again")
        if not np.isfinite(floats).all():
            raise ModelError(
                f"tensor {name!r} in {self._folder} holds NaN or infinity; fetch the model again"
            )
        return floats

    def indices(self, name: str, rows: int) -> NDArray[np.int64]:
        """Read a tensor of row numbers below `rows`; raise ModelError if it holds anything else."""
        key, file = self._find(name)
        numbers = file.read(key)
        if numbers.dtype.kind not in "iu" or (
            numbers.size and not 0 <= numbers.min() <= numbers.max() < rows
        ):
            raise ModelError(
                f"tensor {name!r} in {self._folder} does not hold row numbers below {rows}; fetch "
                "the model again"
            )
        return numbers.astype(np.int64)

    def _find(self, name: str) -> tuple[str, TensorFile]:
        if name not in self._places:
            raise ModelError(
                f"the weights in {self._folder} have no tensor {name!r}, which its configuration "
                "asks for; fetch the model again or try --converter optimum"
            )
        return self._places[name]


def _open(path: Path) -> TensorFile:
    if path.suffix == ".bin":
        return TorchFile(path)
    try:
        return SafetensorsFile(path)
    except (SafetensorError, OSError) as cause:
        raise ModelError(
            f"{path} is not a safetensors file: {cause}; fetch the model again"
        ) from cause


def _plain(name: str, prefix: str) -> str:
    """Drop the prefix of models with a head, and spell layer norms as newer checkpoints do."""
    name = name.removeprefix(prefix)
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
        "LayerNorm.beta", "LayerNorm.bias"
    )
