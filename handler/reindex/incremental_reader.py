"""A corpus to documents, object by object; what an unchanged object holds comes from the version before."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from handler.corpus.document import Document
from handler.corpus.listing import CorpusObject, Listing, ObjectEntry
from handler.corpus.records import FieldNames, Reject, once, read_file
from handler.corpus.sources import Corpus
from handler.index.index_version import IndexVersion


@dataclass(frozen=True)
class Stored:
    """What an index version holds of the objects that it was made from; `rejects` has theirs by path."""

    index: IndexVersion
    rows: Mapping[CorpusObject, range]
    rejects: Mapping[str, Sequence[Reject]]

    @classmethod
    def of(cls, index: IndexVersion, listing: Listing, rejects: bytes) -> "Stored":
        """Find the rows of each object.

        An object that gave duplicates is left out, as the document that came first may be gone by now;
        so is one whose rejects are not all in `rejects`, the text of the version's rejects.jsonl.
        """
        by_path = _by_path(rejects)
        rows, start = {}, 0
        for entry in listing.entries:
            whole = len(by_path.get(entry.object.path, [])) == entry.rejected
            if whole and not entry.duplicates:
                rows[entry.object] = range(start, start + entry.documents)
            start += entry.documents
        return cls(index, rows if start == index.manifest.documents else {}, by_path)

    def items(self, item: CorpusObject) -> Iterator[tuple[int, Document | Reject]]:
        """Yield what the object gave, with line numbers for the rejects alone."""
        for row in self.rows[item]:
            yield 0, self.index.document(row)
        for reject in self.rejects.get(item.path, ()):
            yield reject.line, reject


def _by_path(rejects: bytes) -> dict[str, list[Reject]]:
    found: dict[str, list[Reject]] = {}
    with suppress(ValueError, TypeError):
        for line in rejects.splitlines():
            reject = Reject(**json.loads(line))
            found.setdefault(reject.source, []).append(reject)
    return found


@dataclass(frozen=True, slots=True)
class Reading:
    """Yields the documents and rejects of `objects`; `entries` says after each object what it gave.

    Of several documents with one id, the first stays. Nothing but ids is held in memory.
    """

    corpus: Corpus
    objects: Sequence[CorpusObject]
    fields: FieldNames
    stored: Stored | None
    scratch: Path
    entries: list[ObjectEntry]

    def __iter__(self) -> Iterator[Document | Reject]:
        """Read the corpus.

        Raises:
            CorpusError: an object can't be read; CorpusChanged if it is no longer the one listed.
            StoreError: the store fails.
        """
        seen: set[bytes] = set()
        for item in self.objects:
            documents, rejected, duplicates = 0, 0, 0
            for line, found in self._items(item):
                result = once(found, seen, item.path, line)
                documents += isinstance(result, Document)
                rejected += isinstance(result, Reject)
                duplicates += result is not found
                yield result
            self.entries.append(ObjectEntry(item, documents, rejected, duplicates))

    def _items(self, item: CorpusObject) -> Iterator[tuple[int, Document | Reject]]:
        if self.stored and item in self.stored.rows:
            yield from self.stored.items(item)
            return
        with self.corpus.opened(item, self.scratch) as file:
            yield from read_file(file, item.path, self.fields)
