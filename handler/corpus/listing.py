"""What a corpus consists of: its objects, and what became of each in an index version."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Self

from handler.corpus.options import ReadOptions
from handler.errors import IndexUnavailable
from handler.stored_json import Count, Garbled, read_json

# To be raised when the same objects would give other documents than before: all are then read again.
READER = 3


@dataclass(frozen=True, slots=True)
class CorpusObject:
    """One object of a corpus: its path below the corpus, its ETag, which changes with the content, and its bytes."""

    path: str
    etag: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEntry:
    """An object and how many documents and rejected records it gave; `duplicates` are rejected for their ids."""

    object: CorpusObject
    documents: int
    rejected: int
    duplicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredListing:
    url: str
    options: Any
    reader: int
    objects: list[tuple[str, str, Count, Count, Count, Count]]
    types: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The objects of a corpus in the order in which their documents are indexed, and how they were read.

    `options` is None if another querytower wrote the listing, whose options mean nothing here.
    `types` says what metadata was converted to, see inference.py.
    """

    url: str
    options: ReadOptions | None
    entries: Sequence[ObjectEntry]
    types: Mapping[str, str] = field(default_factory=dict)
    reader: int = READER

    @cached_property
    def etags(self) -> dict[str, str]:
        """ETag of each object by its path."""
        return {each.object.path: each.object.etag for each in self.entries}

    def read_alike(self, url: str, options: ReadOptions) -> bool:
        """Tell whether objects at `url`, with these options, would be read as these were."""
        return (self.url, self.options, self.reader) == (url, options, READER)

    def to_json(self) -> bytes:
        """Render the listing."""
        rows = [
            [*asdict(each.object).values(), each.documents, each.rejected, each.duplicates]
            for each in self.entries
        ]
        lines = ",\n".join(json.dumps(row) for row in rows)
        options = asdict(self.options) if self.options else None
        head = json.dumps(
            {
                "url": self.url,
                "options": options,
                "types": dict(self.types),
                "reader": self.reader,
            },
            ensure_ascii=False,
        )
        return f'{head[:-1]}, "objects": [\n{lines}\n]}}\n'.encode()

    @classmethod
    def parse(cls, data: bytes, sha256: str, origin: str) -> Self:
        """Read a listing that was found at `origin`.

        Raises:
            IndexUnavailable: it is not the one with this sha256.
        """
        if hashlib.sha256(data).hexdigest() != sha256:
            raise IndexUnavailable(f"{origin} is not the one that its manifest describes")
        try:
            stored = read_json(_StoredListing, data)
            options = ReadOptions.from_stored(stored.options) if stored.reader == READER else None
        except (Garbled, KeyError, TypeError, ValueError) as cause:
            raise IndexUnavailable(
                f"{origin} lacks or garbles a field: {cause}; all objects are read again"
            ) from None
        entries = []
        for path, etag, size, documents, rejected, duplicates in stored.objects:
            entry = ObjectEntry(
                object=CorpusObject(path, etag, size),
                documents=documents,
                rejected=rejected,
                duplicates=duplicates,
            )
            entries.append(entry)
        return cls(
            url=stored.url,
            options=options,
            entries=entries,
            types=stored.types,
            reader=stored.reader,
        )


def same_objects(entries: Sequence[ObjectEntry], objects: Sequence[CorpusObject]) -> bool:
    """Tell whether no object was added, removed or replaced."""
    return [(each.object.path, each.object.etag) for each in entries] == [
        (o.path, o.etag) for o in objects
    ]
