"""Documents that a program adds and removes, and the index that is made of them.

An index never changes; a new version of it is published. So the documents are kept in a file, and
each change is a reindex, which encodes only what is new. That suits thousands of documents.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from handler.corpus.document import Document
from handler.corpus.options import FieldNames, ReadOptions
from handler.corpus.sources import LocalCorpus
from handler.quality.gates import Limits
from handler.reindex.job import ReindexJob
from handler.reindex.pipeline import reindex
from handler.service import Service
from handler.settings import Settings
from handler.versions.repository import IndexRepository
from querytower.index import Index

# Names that metadata, which a program chooses, will not have.
ID, TITLE, TEXT, URL = "_id", "_title", "_text", "_url"


class Collection:
    """An index whose documents a program owns; one program may write at a time."""

    def __init__(
        self,
        corpus: str | Path,
        store: str | Path,
        name: str = "default",
        *,
        model: str | Path = "model",
    ) -> None:
        """Open or begin a collection.

        Args:
            corpus: File that keeps the documents, as JSON lines; it is made when it is needed.
            store: Folder or URL that holds the index.
            name: Name of the index.
            model: Folder of the model bundle.

        Raises:
            ModelError: there is no usable model bundle.
            StoreError: the store can't be used.
        """
        self._corpus = Path(corpus)
        settings = replace(
            Settings.from_mapping(os.environ),
            store=str(store),
            index=name,
            model=str(Path(model).absolute()),
        )
        self._service = Service.open(settings)
        self._documents = dict(_read(self._corpus))

    @property
    def index(self) -> Index | None:
        """The index of all documents, or None while there are none."""
        return Index(self._service) if self._documents else None

    def add(self, documents: Iterable[Document]) -> None:
        """Add documents; those of known ids replace what was there."""
        self._change({**self._documents, **{each.id: each for each in documents}})

    def delete(self, ids: Iterable[str]) -> None:
        """Remove documents; unknown ids are skipped."""
        gone = set(ids)
        kept = {key: each for key, each in self._documents.items() if key not in gone}
        self._change(kept)

    def get(self, ids: Iterable[str]) -> list[Document]:
        """Return documents in the order of their ids; unknown ids are skipped."""
        return [self._documents[each] for each in ids if each in self._documents]

    def search(self, query: str, **options: Any) -> list[tuple[Document, float]]:
        """Return the best documents, as they were added, and their scores.

        `options` are those of `Index.search`.

        Raises:
            InvalidRequest: an option is unknown or out of bounds, or no document has such a field.
        """
        if not self._documents:
            return []
        hits = Index(self._service).search(query, **options)
        # Another program may have published documents that this one doesn't know.
        known = [hit for hit in hits if hit.id in self._documents]
        return [(self._documents[hit.id], hit.score or 0.0) for hit in known]

    def ids(self, **metadata: Any) -> list[str]:
        """Return the ids of documents that have these values in their metadata."""
        wanted = metadata.items()
        return [key for key, each in self._documents.items() if wanted <= each.metadata.items()]

    def _change(self, documents: dict[str, Document]) -> None:
        if documents == self._documents:
            return
        _write(self._corpus, documents.values())
        self._documents = documents
        if documents:
            self._publish()

    def _publish(self) -> None:
        settings = self._service.settings
        job = ReindexJob(
            corpus=LocalCorpus(self._corpus),
            repository=IndexRepository(self._service.store, settings.index),
            encoder=self._service.encoder,
            # Titles and links are found by their names: a field that is named must occur.
            reading=ReadOptions(fields=FieldNames(id=ID, text=TEXT)),
            limits=Limits.only_rejects(0),
            force=True,  # a program may remove as much as it likes
            tell=lambda *_, **__: None,
            measure=lambda *_, **__: None,
        )
        reindex(job)
        self._service.live().refresh()


def _read(corpus: Path) -> Iterable[tuple[str, Document]]:
    if not corpus.exists():
        return
    for line in corpus.read_text("utf-8").splitlines():
        record = json.loads(line)
        values = [record.pop(name, "") for name in (ID, TITLE, TEXT, URL)]
        yield values[0], Document.from_stored([*values, record])


def _write(corpus: Path, documents: Iterable[Document]) -> None:
    corpus.parent.mkdir(parents=True, exist_ok=True)
    part = corpus.with_name(f".{corpus.name}.part")
    part.write_text("".join(f"{json.dumps(_record(each))}\n" for each in documents), "utf-8")
    part.replace(corpus)


def _record(document: Document) -> dict[str, Any]:
    own = {ID: document.id, TITLE: document.title, TEXT: document.text, URL: document.url}
    return {**document.metadata, **{name: text for name, text in own.items() if text}}
