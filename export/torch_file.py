"""Read the tensors of a pytorch_model.bin without PyTorch, and without running what it pickles."""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from handler.errors import ModelError

# The first pickle of the format that PyTorch wrote before 1.6: a magic number.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES: dict[str, Any] = {
    "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16,
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
    "ShortStorage": np.int16,
    "IntStorage": np.int32,
    "LongStorage": np.int64,
}


@dataclass(frozen=True, slots=True)
class _Storage:
    """A named run of numbers in the file."""

    key: str
    dtype: np.dtype[Any]
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tensor:
    """A view of a storage; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def fits(self) -> bool:
        """Tell whether the sizes are whole numbers and the tensor lies within its storage.

        Asked once the pickle is read to its end, as a pickle can also change what it made.
        """
        if not isinstance(self.storage, _Storage) or not isinstance(self.storage.dtype, np.dtype):
            return False
        sizes = (self.storage.length, self.offset, *self.shape, *self.strides)
        if not all(isinstance(size, int) and size >= 0 for size in sizes):
            return False
        if len(self.shape) != len(self.strides):
            return False
        count = math.prod(self.shape)
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((length - 1) * step for length, step in steps)
        return count == 0 or max(last + 1, count) <= self.storage.length

    def view(self, data: NDArray[Any]) -> NDArray[Any]:
        """Return the tensor, given its storage's numbers."""
        strides = [step * data.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, strides)


class TorchFile:
    """A file that torch.save wrote: an archive, or the format before PyTorch 1.6."""

    def __init__(self, path: Path) -> None:
        """Open the file and read its table of tensors, but not their numbers.

        Raises:
            ModelError: the file is broken, or holds more than a table of tensors.
        """
        self._path = path
        self._places: dict[str, int] = {}
        self._archive: zipfile.ZipFile | None = None
        try:
            table = self._open_archive() if zipfile.is_zipfile(path) else self._open_legacy()
        except ModelError:
            raise
        except Exception as cause:  # a broken pickle can raise anything
            raise self._error(f"is no PyTorch file: {str(cause)[:100]}") from cause
        self._tensors = self._check(table)

    def names(self) -> list[str]:
        """List the tensors."""
        return list(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""
        return self._tensors[name].shape

    def read(self, name: str) -> NDArray[Any]:
        """Read a tensor; raise ModelError if the file ends before it does."""
        tensor = self._tensors[name]
        size = tensor.storage.length * tensor.storage.dtype.itemsize
        data = self._bytes(tensor.storage.key, size)
        if len(data) != size:
            raise self._error(f"is incomplete: {name!r} is cut off")
        return tensor.view(np.frombuffer(data, tensor.storage.dtype))

    def _open_archive(self) -> Any:
        self._archive = zipfile.ZipFile(self._path)
        [table] = [name for name in self._archive.namelist() if name.endswith("/data.pkl")]
        self._folder = table.removesuffix("data.pkl")
        order = f"{self._folder}byteorder"
        if order in self._archive.namelist() and self._archive.read(order) != b"little":
            raise self._error("was written on a big-endian machine")
        return _Unpickler(io.BytesIO(self._archive.read(table)), self._path).load()

    def _open_legacy(self) -> Any:
        with self._path.open("rb") as file:
            magic, _protocol, _machine, table = (_unpickle(file, self._path) for _ in range(4))
            if magic != _LEGACY_MAGIC:
                raise self._error("is no PyTorch file")
            lengths = {t.storage.key: t.storage for t in self._check(table).values()}
            for key in _unpickle(file, self._path):
                self._places[key] = file.tell() + 8  # the length comes first
                file.seek(8 + lengths[key].length * lengths[key].dtype.itemsize, io.SEEK_CUR)
        return table

    def _bytes(self, key: str, size: int) -> bytes:
        if self._archive is None:
            with self._path.open("rb") as file:
                file.seek(self._places[key])
                return file.read(size)
        try:
            with self._archive.open(f"{self._folder}data/{key}") as member:
                return member.read(size)
        except (KeyError, OSError, zipfile.BadZipFile) as cause:
            raise self._error(f"is incomplete: {cause}") from cause

    def _check(self, table: Any) -> dict[str, _Tensor]:
        """Return the tensors of the table, each of which lies within its storage."""
        tensors = table if isinstance(table, dict) else {}
        if not all(isinstance(name, str) for name in tensors):
            raise self._error("names its tensors by something else than strings")
        found = {name: value for name, value in tensors.items() if isinstance(value, _Tensor)}
        if not found:
            raise self._error("holds no table of tensors")
        for name, tensor in found.items():
            if not tensor.fits():
                raise self._error(f"has a tensor {name!r} that is larger than its storage")
        return found

    def _error(self, problem: str) -> ModelError:
        return ModelError(f"{self._path} {problem}; fetch the model again")


def _unpickle(file: IO[bytes], path: Path) -> Any:
    return _Unpickler(file, path).load()


class _Unpickler(pickle.Unpickler):
    """Rebuilds tables of tensors; refuses a pickle that names anything else."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """Return our stand-in for a class or function that the pickle names."""
        if module == "torch" and name in _DTYPES:
            return name
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise ModelError(
                f"{self._path} asks to run {module[:40]}.{name[:40]}, more than tensors need; "
                "use the model's safetensors instead"
            ) from None

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage that a tensor names."""
        kind, dtype, key, _device, length = pid[:5]
        if kind != "storage" or dtype not in _DTYPES or not isinstance(key, str):
            raise pickle.UnpicklingError("a tensor without storage")
        return _Storage(key, np.dtype(_DTYPES[dtype]), length)


class _Rebuild:
    """Stands in for the function that PyTorch rebuilds a tensor with.

    It has no attributes, like the other stand-in, so that a pickle has nothing to overwrite.
    """

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
        """Return the tensor."""
        return _Tensor(storage=storage, offset=offset, shape=tuple(shape), strides=tuple(strides))


class _Parameter:
    """Stands in for the function that wraps a tensor as a parameter."""

    __slots__ = ()

    def __call__(self, tensor: Any, *_: Any) -> Any:
        """Return the tensor."""
        return tensor


_STAND_INS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Rebuild(),
    ("torch._utils", "_rebuild_parameter"): _Parameter(),
}
