"""Many encoded batches as one that lies on disk, in the memory of the largest of them."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handler.corpus.hashes import SIZE
from handler.index.embedding_cache import EncodedBatch
from handler.index.vectors import DTYPES, Precision


class Gathering:
    """Appends batches to one file for each of their columns."""

    def __init__(self, folder: Path, precision: Precision, dimension: int) -> None:
        """Make the folder for the columns."""
        folder.mkdir()
        self._passages = 0
        self._columns = {
            "hashes": _Column(folder / "hashes", f"S{SIZE}"),
            "first": _Column(folder / "first", np.int64),
            "spans": _Column(folder / "spans", np.uint32, 2),
            "scales": _Column(folder / "scales", np.float32),
            "codes": _Column(folder / "codes", DTYPES[precision], dimension),
        }
        self._columns["first"].append(np.zeros(1, np.int64))

    def add(self, batch: EncodedBatch) -> None:
        """Append a batch."""
        columns = self._columns
        columns["hashes"].append(batch.hashes)
        columns["first"].append(batch.first[1:] + self._passages)
        columns["spans"].append(batch.spans)
        columns["scales"].append(batch.scales)
        columns["codes"].append(batch.codes)
        self._passages += len(batch.scales)

    def batch(self) -> EncodedBatch:
        """Return all that was added, one batch at least, mapped into memory."""
        return EncodedBatch(**{name: column.mapped() for name, column in self._columns.items()})


class _Column:
    def __init__(self, path: Path, dtype: Any, width: int = 0) -> None:
        self._path = path
        self._dtype = np.dtype(dtype)
        self._width = width
        self._file = path.open("wb")

    def append(self, values: npt.NDArray[Any]) -> None:
        data = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
        self._file.write(data)

    def mapped(self) -> npt.NDArray[Any]:
        self._file.close()
        column = np.memmap(self._path, self._dtype, "r")
        return column.reshape(-1, self._width) if self._width else column
