"""A corpus put in order on disk before it is indexed: valid documents, their schema, and the rejects."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handler.corpus.cells import CellConverter, to_cells
from handler.corpus.document import Document
from handler.corpus.hashes import Hashes, as_hashes, stored_hash, text_hash
from handler.corpus.inference import Inference, Loss, schema_of
from handler.corpus.own_vectors import VectorColumn
from handler.corpus.readers.registry import EMPTY
from handler.corpus.records import Reject
from handler.corpus.schema import MAX_FIELDS, Schema
from handler.errors import CorpusError

BUFFER = 1 << 20
NO_TYPES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """The valid documents of a corpus in a file, one to a line, and what is known of the whole.

    `types` says what metadata was converted to, see inference.py, and `dropped` which values did
    not fit. `vectors` came with the documents. `rejected` counts records, `unreadable` files that could not be read to their end.
    `texts` and `contents` hash the documents in order, see hashes.py. `left_out` is the first
    metadata field that the schema has no room for, if there is one.
    """

    path: Path
    schema: Schema
    types: dict[str, str]
    vectors: VectorColumn
    dropped: dict[str, Loss]
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
        types: Mapping[str, str] = NO_TYPES,
        max_fields: int = MAX_FIELDS,
        vectors: str = "",
    ) -> "Spool":
        """Read `corpus` once; write its documents to `path` and its rejects, as JSONL, to `rejects`.

        Args:
            corpus: what `read_corpus` yields.
            path: the spool file to write.
            rejects: where rejected records are listed; no file is made if there are none.
            max_rejects: largest share of records, 0 to 1, that may be rejected.
            types: types of metadata fields that are not to be inferred.
            vectors: metadata field that holds a vector of each document, if there is one.
            max_fields: most fields of the schema; those that come later are not in it.

        Raises:
            CorpusError: no document is left, or more than `max_rejects` of the records are none.
        """
        inference = Inference(forced=types, most=max_fields)
        documents = 0
        rejected = _Rejects(rejects)
        texts = bytearray()
        column = VectorColumn(name=vectors, path=path.with_suffix(".vectors"))
        raw = path.with_suffix(".raw")
        with raw.open("w", BUFFER, "utf-8", newline="\n") as file:
            for item in corpus:
                if isinstance(item, Reject):
                    rejected.add(item)
                    continue
                if vectors:
                    item = column.taken(item)
                texts += text_hash(item)
                inference.observe(item.metadata)
                file.write(to_cells(item) + "\n")
                documents += 1
        column.close()
        rejected.check(documents, max_rejects)
        targets = inference.targets()
        contents, dropped = _finish(raw, path, targets)
        raw.unlink()
        return cls(
            path=path,
            schema=schema_of(inference, dropped),
            types=targets,
            vectors=column,
            dropped=dropped,
            documents=documents,
            rejected=rejected.records,
            unreadable=rejected.files,
            texts=as_hashes(texts),
            contents=as_hashes(contents),
            left_out=inference.left_out,
        )

    def losses(self) -> list[str]:
        """Return which values did not fit the types of their fields, for people."""
        return [
            f"{name}: {loss.count:,} of {self._seen(name) + loss.count:,} values are no {self.types[name]}, "
            f"such as {loss.example!r}, and were dropped; to keep them: --type {name}=string"
            for name, loss in list(self.dropped.items())[:20]
        ]

    def _seen(self, name: str) -> int:
        return self.schema[name].documents if name in self.schema else 0

    def fits(self, schema: Schema, types: Mapping[str, str]) -> bool:
        """Tell whether fields that were converted to `types` in an earlier `schema` still have its kinds."""
        return all(
            name not in self.schema or self.schema[name].kind == schema[name].kind
            for name in types
            if name in schema
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


def _finish(raw: Path, path: Path, targets: Mapping[str, str]) -> tuple[bytes, dict[str, Loss]]:
    """Convert the metadata of all documents, and write them to `path`.

    Returns:
        The hashes of their contents, and what did not fit, by field.
    """
    cells = CellConverter(targets)
    hashes = bytearray()
    with raw.open("r", BUFFER, "utf-8", newline="\n") as lines, path.open("wb", BUFFER) as spool:
        for line in lines:
            stored = cells.stored(line).encode()
            spool.write(stored)
            hashes += stored_hash(stored[:-1])
    return bytes(hashes), cells.dropped


@dataclass(slots=True)
class _Rejects:
    """Lists rejects in a file as JSONL, and counts them: records, and files that can't be read."""

    path: Path
    records: int = field(default=0, init=False)
    files: int = field(default=0, init=False)
    empty: int = field(default=0, init=False)
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
            self.empty += item.reason == EMPTY

    def check(self, documents: int, max_rejects: float) -> None:
        """Raise CorpusError if no document is left, or too many records were rejected."""
        records = documents + self.records
        if not records and self.empty == self.files:
            raise CorpusError(
                "the corpus is empty: no record in any of its files; nothing was changed"
            )
        if not records and self.files == 1:
            raise CorpusError(f"{self.first}; nothing was changed")
        if not records and self.files:
            raise CorpusError(
                f"none of {self.files} files can be read; first: {self.first}; "
                f"all are listed in {self.path}"
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
