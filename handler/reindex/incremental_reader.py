"""Read a corpus object by object, and take unchanged objects from the version before."""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from handler.corpus.document import Document
from handler.corpus.findings import Findings
from handler.corpus.libraries import check_libraries
from handler.corpus.listing import CorpusObject, Listing, ObjectEntry
from handler.corpus.options import ReadOptions
from handler.corpus.readers.source import Source
from handler.corpus.records import Found, Reject, has_made_up_id, once, read_source
from handler.corpus.sources import Corpus
from handler.errors import UnreadableFile
from handler.index.arrays import Rows
from handler.index.index_version import IndexVersion
from handler.stored_json import Garbled, read_json


@dataclass(frozen=True)
class IndexedObjects:
    """The objects of which an index version holds everything.

    `rows` are the rows of their documents, `rejects` their rejected records by path.
    """

    index: IndexVersion
    rows: Mapping[CorpusObject, Rows]
    rejects: Mapping[str, Sequence[Reject]]

    @classmethod
    def of(cls, index: IndexVersion, listing: Listing, rejects: bytes) -> "IndexedObjects":
        """Find the rows of each object, given the text of the version's rejects.jsonl.

        An object with duplicates is left out, because the document that came first may be gone by
        now. An object is left out too if not all of its rejected records are in `rejects`.
        """
        by_path = _by_path(rejects, {each.object.path for each in listing.entries})
        rows, start = {}, 0
        for entry in listing.entries:
            complete = len(by_path.get(entry.object.path, [])) == entry.rejected
            if complete and not entry.duplicates:
                rows[entry.object] = index.order[start : start + entry.documents]
            start += entry.documents
        return cls(index, rows if start == index.manifest.documents else {}, by_path)

    def items(self, item: CorpusObject) -> Iterator[Found]:
        """Yield what the object gave; the lines of documents are not known any more."""
        for document in self.index.read_each(self.rows[item]):
            yield Found(0, document, "" if has_made_up_id(document) else "id")
        for reject in self.rejects.get(item.path, ()):
            yield Found(reject.line, reject)


def _by_path(rejects: bytes, paths: Set[str]) -> dict[str, list[Reject]]:
    """Return the rejects of each object; those of a member of an archive belong to the archive."""
    found: dict[str, list[Reject]] = {}
    with suppress(Garbled):
        for line in rejects.splitlines():
            reject = read_json(Reject, line)
            path = reject.source
            while path not in paths and "/" in path:
                path = path.rpartition("/")[0]
            found.setdefault(path, []).append(reject)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalReader:
    """Yields the documents and rejected records of `objects`.

    Of several documents with one id, the first is kept. Only ids are held in memory. After each
    object, `entries` says what it gave; `findings` is told what was found out.
    """

    corpus: Corpus
    objects: Sequence[CorpusObject]
    options: ReadOptions
    indexed: IndexedObjects | None
    scratch: Path
    entries: list[ObjectEntry] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)

    def __iter__(self) -> Iterator[Document | Reject]:
        """Read the corpus.

        Raises:
            CorpusError: a library is missing, or an object can't be read; CorpusChanged if it is no longer the listed one.
            StoreError: the store fails.
        """
        check_libraries(
            (item.path, partial(self.corpus.opened, item, self.scratch))
            for item in self.objects
            if not (self.indexed and item in self.indexed.rows)
        )
        seen: set[bytes] = set()
        for item in self.objects:
            documents, rejected, duplicates = 0, 0, 0
            for found in self._items(item):
                result = once(found, seen, item.path)
                documents += isinstance(result, Document)
                rejected += isinstance(result, Reject)
                duplicates += result is not found.item
                yield result
            entry = ObjectEntry(
                object=item, documents=documents, rejected=rejected, duplicates=duplicates
            )
            self.entries.append(entry)
        self.findings.check()

    def _items(self, item: CorpusObject) -> Iterator[Found]:
        if self.indexed and item in self.indexed.rows:
            yield from self.indexed.items(item)
            return
        try:
            yield from self._read(item)
        except UnreadableFile as problem:
            yield Found(0, Reject(item.path, 0, str(problem)))

    def _read(self, item: CorpusObject) -> Iterator[Found]:
        with self.corpus.opened(item, self.scratch) as file:
            given = len(self.objects) == 1
            source = Source.of_file(
                file, item.path, self.options, self.scratch, given=given, findings=self.findings
            )
            yield from read_source(source)
