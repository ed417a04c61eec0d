"""Documents in slices: the unit of encoding, which any machine can do alone, any number of times."""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from handler.corpus.document import Document, encode_json
from handler.corpus.hashes import SIZE, text_hash
from handler.errors import StoreError


@dataclass(frozen=True, slots=True)
class SliceSize:
    """Bounds of a slice in documents, and the characters after which it ends in any case."""

    least: int = 256
    most: int = 1024
    chars: int = 600_000


@dataclass(frozen=True, slots=True)
class Slice:
    """Some documents with no more than what their vectors depend on: title, text, sections.

    `hashes` are those of their texts.
    """

    documents: Sequence[Document]
    hashes: Sequence[bytes]

    @property
    def name(self) -> str:
        """A name made of the content: equal slices have equal names, in any run."""
        return hashlib.blake2b(b"".join(self.hashes), digest_size=SIZE).hexdigest()

    def to_bytes(self) -> bytes:
        """Render the slice for another machine."""
        rows = ([each.title, each.text, each.sections] for each in self.documents)
        lines = "\n".join(encode_json(row) for row in rows)
        return gzip.compress(lines.encode(), compresslevel=1, mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> "Slice":
        """Read what `to_bytes` rendered.

        Raises:
            StoreError: it is not the slice of that name.
        """
        try:
            lines = gzip.decompress(data).decode().split("\n")
            documents = [_document(*json.loads(line)) for line in lines]
        except (OSError, EOFError, ValueError, TypeError) as cause:
            raise StoreError(f"slice {name} can't be read: {cause}; run again") from cause
        found = cls(documents, [text_hash(each) for each in documents])
        if found.name != name:
            raise StoreError(f"slice {name} was altered; run again")
        return found


def cut(documents: Iterable[Document], size: SliceSize) -> Iterator[Slice]:
    """Yield the documents in slices of about twice `size.least` documents.

    Slices end where the hash of a text says so, as in content-defined chunking: a document that is
    added or removed changes the slice around it, and the others keep their names.
    """
    held: list[Document] = []
    hashes: list[bytes] = []
    chars = 0
    for document in documents:
        held.append(replace(document, id="", url="", metadata={}))
        hashes.append(text_hash(document))
        chars += len(document.text)
        ends = len(held) >= size.least and int.from_bytes(hashes[-1][:4], "big") % size.least == 0
        if ends or len(held) >= size.most or chars >= size.chars:
            yield Slice(held, hashes)
            held, hashes, chars = [], [], 0
    if held:
        yield Slice(held, hashes)


def _document(title: str, text: str, sections: list[list[object]]) -> Document:
    return Document.from_stored(["", title, text, "", {}, sections])
