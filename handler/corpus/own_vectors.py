"""Vectors that come with the documents of a corpus, put aside while it is read."""

import json
from array import array
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from handler.corpus.document import Document
from handler.corpus.hashes import Hashes, as_hashes, text_hash
from handler.errors import CorpusError


@dataclass(slots=True, kw_only=True)
class VectorColumn:
    """The vectors in one metadata field, as float32 in a file, in the order of their documents.

    Attributes:
        name: the field; empty if there is none.
        path: the file.
        dimension: numbers in each vector; 0 before the first.
    """

    name: str
    path: Path
    dimension: int = 0
    _hashes: bytearray = field(default_factory=bytearray)
    _lengths: "array[int]" = field(default_factory=lambda: array("L"))
    _file: IO[bytes] | None = None

    def taken(self, document: Document) -> Document:
        """Move the vector of a document out of its metadata into the file, and return what is left.

        The document keeps a hash of it, by which a later run finds out that it changed.

        Raises:
            CorpusError: it is no vector, or has another dimension than the first.
        """
        value = document.metadata.pop(self.name, None)
        if value is None:
            return document
        vector = self._parsed(document, value)
        if not self.dimension:
            self.dimension = len(vector)
        if len(vector) != self.dimension:
            raise CorpusError(
                f"document {document.id!r}: {self.name} has {len(vector)} numbers, and the first "
                f"vector {self.dimension}; all must come from one model"
            )
        if self._file is None:
            self._file = self.path.open("wb")
        data = vector.tobytes()
        self._file.write(data)
        document = replace(document, vector=blake2b(data, digest_size=8).hexdigest())
        self._hashes += text_hash(document)
        self._lengths.append(len(document.text))
        return document

    def close(self) -> None:
        """Finish the file."""
        if self._file:
            self._file.close()
            self._file = None

    @property
    def hashes(self) -> Hashes:
        """The hashes of the documents' texts, in order."""
        return as_hashes(self._hashes)

    @property
    def lengths(self) -> npt.NDArray[np.uint32]:
        """The characters of the documents' texts, in order."""
        return np.array(self._lengths, np.uint32)

    def vectors(self) -> npt.NDArray[np.float32]:
        """Map the vectors, shape (documents, dimension), into memory."""
        return np.memmap(self.path, np.float32, "r").reshape(-1, self.dimension)

    def _parsed(self, document: Document, value: object) -> npt.NDArray[np.float32]:
        try:
            numbers = json.loads(value) if isinstance(value, str) else value
            vector = np.array(numbers, np.float32)
            usable = vector.ndim == 1 and len(vector) and np.isfinite(vector).all()
        except (ValueError, TypeError):
            usable = False
        if not usable or not np.any(vector):
            raise CorpusError(
                f"document {document.id!r}: {self.name} is no vector, but {str(value)[:40]!r}; "
                "give a list of finite numbers, or leave it out to have the text encoded"
            )
        return vector
