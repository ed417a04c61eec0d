"""Short hashes by which documents are compared and their vectors found again."""

import hashlib
import json
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from handler.corpus.document import Document, to_json

SIZE = 16

# Shape (n,), dtype S16. They sort and compare as fixed bytes: NumPy's padding and the hash's own zeros are alike.
Hashes = npt.NDArray[np.bytes_]


def text_hash(document: Document) -> bytes:
    """Return bytes that change whenever the vectors of the document do."""
    sections = json.dumps([each[:3] for each in document.sections]) if document.sections else ""
    parts = f"{document.title}\0{document.text}{sections}"
    # Documents without a vector of their own keep the hashes that they had before there were any.
    return stored_hash(
        f"{parts}\0{document.vector}".encode() if document.vector else parts.encode()
    )


def content_hash(document: Document) -> bytes:
    """Return bytes that change whenever anything of the document does."""
    return stored_hash(to_json(document).encode())


def stored_hash(stored: bytes) -> bytes:
    """Return the `content_hash` of a document, given what `to_json` makes of it, in UTF-8."""
    return hashlib.blake2b(stored, digest_size=SIZE).digest()


def as_hashes(data: bytes | bytearray | Iterable[bytes]) -> Hashes:
    """Return hashes, one after the other or apart, as an array."""
    joined = data if isinstance(data, bytes | bytearray) else b"".join(data)
    return np.frombuffer(joined, f"S{SIZE}")
