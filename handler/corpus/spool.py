"""A corpus put in order on disk before it is indexed: valid documents, their schema, and the rejects."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handler.corpus.document import Document, to_json
from handler.corpus.hashes import Hashes, as_hashes, content_hash, text_hash
from handler.corpus.records import Reject
from handler.corpus.schema import MAX_FIELDS, Schema, observe
from handler.errors import CorpusError


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """The valid documents of a corpus in a file, one to a line, and what is known of the whole.

    `rejected` counts records, `unreadable` files that could not be read to their end. `texts` and
    `contents` hash the documents in order, see hashes.py. `left_out` is the first metadata field
    that the schema has no room for, if there is one.
    """

    path: Path
    schema: Schema
    documents: int
    rejected: int
    unreadable: int
    texts: Hashes
    contents: Hashes
    left_out: str = ""

    @classmethod
    def write(
        cls,
        corpus: Iterable[Document | Reject],
        path: Path,
        rejects: Path,
        max_rejects: float,
        max_fields: int = MAX_FIELDS,
    ) -> "Spool":
        """Read `corpus` once; write its documents to `path` and its rejects, as JSONL, to `rejects`.

        Args:
            corpus: what `read_corpus` yields.
            path: the spool file to write.
            rejects: where rejected records are listed; no file is made if there are none.
            max_rejects: largest share of records, 0 to 1, that may be rejected.
            max_fields: most fields of the schema; those that come later are not in it.

        Raises:
            CorpusError: no document is left, or more than `max_rejects` of the records are none.
        """
        schema: Schema = {}
        documents = 0
        rejected = _Rejects(rejects)
        left_out = ""
        texts, contents = bytearray(), bytearray()
        with path.open("w", encoding="utf-8") as spool:
            for item in corpus:
                if isinstance(item, Reject):
                    rejected.add(item)
                    continue
                observe(schema, item.metadata, max_fields)
                if len(schema) == max_fields and not left_out:
                    left_out = next((name for name in item.metadata if name not in schema), "")
                spool.write(to_json(item) + "\n")
                texts += text_hash(item)
                contents += content_hash(item)
                documents += 1
        rejected.check(documents, max_rejects)
        return cls(
            path=path,
            schema=schema,
            documents=documents,
            rejected=rejected.records,
            unreadable=rejected.files,
            texts=as_hashes(texts),
            contents=as_hashes(contents),
            left_out=left_out,
        )

    def __iter__(self) -> Iterator[Document]:
        """Yield the documents in order."""
        with self.path.open(encoding="utf-8") as spool:
            for line in spool:
                yield Document.from_stored(json.loads(line))

    def select(self, wanted: npt.NDArray[np.bool_]) -> Iterator[Document]:
        """Yield the documents that are `wanted`, shape (documents,), in order, and skip the rest."""
        with self.path.open(encoding="utf-8") as spool:
            for line in compress(spool, wanted.tolist()):
                yield Document.from_stored(json.loads(line))


@dataclass(slots=True)
class _Rejects:
    """Lists rejects in a file as JSONL, and counts them: records, and files that can't be read."""

    path: Path
    records: int = field(default=0, init=False)
    files: int = field(default=0, init=False)
    first: str = field(default="", init=False)

    def add(self, item: Reject) -> None:
        mode = "a" if self.first else "w"
        place = f"{item.source} line {item.line}" if item.line else item.source
        self.first = self.first or f"{place}: {item.reason}"
        with self.path.open(mode, encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(asdict(item), ensure_ascii=False) + "\n")
        if item.line:
            self.records += 1
        else:
            self.files += 1

    def check(self, documents: int, max_rejects: float) -> None:
        """Raise CorpusError if no document is left, or too many records were rejected."""
        records = documents + self.records
        if not records and self.files == 1:
            raise CorpusError(f"{self.first}; nothing was changed")
        if not records and self.files:
            raise CorpusError(
                f"none of {self.files} files can be read; first: {self.first}; "
                f"all are listed in {self.path}"
            )
        if not records:
            raise CorpusError(
                "the corpus is empty: no record in any of its files; nothing was changed"
            )
        if self.records > max_rejects * records:
            raise CorpusError(
                f"{self.records} of {records} records were rejected, {max_rejects:.1%} may be; "
                f"first: {self.first}; all are listed in {self.path}; mend them, or allow more "
                "with --max-rejects"
            )
        if not documents:
            raise CorpusError(
                f"all {self.records} records were rejected; first: {self.first}; "
                f"all are listed in {self.path}"
            )
