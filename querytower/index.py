"""One index of a store, for Python programs and notebooks: the function's code without HTTP."""

import asyncio
import inspect
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, Self

from pydantic import ValidationError

from handler.corpus.schema import Schema
from handler.encoder import TextKind, Vectors
from handler.errors import InvalidRequest
from handler.search.bounds import K, check_number
from handler.search.lookup import find
from handler.search.request import SearchRequest, first_fault
from handler.service import Service
from handler.settings import Settings
from querytower.results import Document, Results


def search_signature() -> inspect.Signature:
    """Return the signature of `Index.search`, with the options that a search has, for people."""
    own = [
        inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY),
        inspect.Parameter("query", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=""),
    ]
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.annotation
        )
        for name, field in SearchRequest.model_fields.items()
        if name not in ("query", "fields")  # all fields of a hit are at hand
    ]
    return inspect.Signature([*own, *options], return_annotation=Results)


class Index:
    """The published version of an index, followed while it is used; threads may share it.

    Bounds, such as the most hits, are the function's settings: QUERYTOWER_… variables.
    """

    def __init__(self, service: Service) -> None:
        """Compose from a service, whose settings name the index."""
        self._service = service
        self._lock = Lock()  # an open index has one set of buffers for all its searches

    @classmethod
    def open(cls, store: str | Path, name: str = "default", *, model: str | Path = "model") -> Self:
        """Open an index of a store.

        Args:
            store: Folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.
            name: Name of the index.
            model: Folder of the model bundle that the index was built with.

        Raises:
            ModelError: there is no usable model bundle.
            StoreError: the store can't be used.
            IndexUnavailable: no version of the index is published, or another model built it.
        """
        settings = replace(
            Settings.from_mapping(os.environ),
            store=str(store),
            index=name,
            model=str(Path(model).absolute()),
        )
        service = Service.open(settings)
        service.index()
        return cls(service)

    def search(self, query: str = "", **options: Any) -> Results:
        """Return the best hits for a query.

        Args:
            query: What to search for; nothing to browse by filter, sort or facets.
            options: Those of docs/search-api.md by name, such as `k=10`, `mode="semantic"`,
                `filter={"year": {"$gte": 1990}}`, `facets=["genres"]`, `highlight=True`.

        Raises:
            InvalidRequest: an option is unknown or out of bounds, or the index has no such field.
        """
        try:
            request = SearchRequest.model_validate({"query": query, **options})
        except ValidationError as cause:
            raise InvalidRequest(first_fault(cause.errors())) from cause
        request = request.within(self._service.settings)
        with self._lock:
            answer = self._service.searcher.search(self._service.index(), request)
        return Results.of(answer)

    search.__signature__ = search_signature()  # type: ignore[attr-defined]

    def similar(self, document_id: str, *, k: int = 10) -> Results:
        """Return the `k` documents most similar to one, without that one.

        Raises:
            DocumentNotFound: no document has this id.
            InvalidRequest: `k` is out of bounds.
        """
        check_number(k, "k", K, self._service.settings)
        with self._lock:
            answer = self._service.searcher.similar(self._service.index(), [document_id], k)
        return Results.of(answer)

    def get(self, document_id: str) -> Document:
        """Return a document.

        Raises:
            DocumentNotFound: no document has this id.
        """
        with self._lock:
            version = self._service.index()
            return version.document(find(version, document_id))

    def encode(self, texts: str | Sequence[str], kind: TextKind = "query") -> Vectors:
        """Return unit vectors: shape (dimension,) for one text, (len(texts), dimension) for several.

        Args:
            texts: One text, or several.
            kind: Which of the model's two prompts, if it has any: query or document.
        """
        if isinstance(texts, str):
            vector: Vectors = self._service.encoder.encode([texts], kind)[0]
            return vector
        return self._service.encoder.encode(texts, kind)

    async def asearch(self, query: str, **options: Any) -> Results:
        """Do what `search` does without blocking the event loop."""
        return await asyncio.to_thread(self.search, query, **options)

    async def asimilar(self, document_id: str, *, k: int = 10) -> Results:
        """Do what `similar` does without blocking the event loop."""
        return await asyncio.to_thread(self.similar, document_id, k=k)

    async def aget(self, document_id: str) -> Document:
        """Do what `get` does without blocking the event loop."""
        return await asyncio.to_thread(self.get, document_id)

    async def aencode(self, texts: str | Sequence[str], kind: TextKind = "query") -> Vectors:
        """Do what `encode` does without blocking the event loop."""
        return await asyncio.to_thread(self.encode, texts, kind)

    @property
    def name(self) -> str:
        """Name of the index."""
        return self._service.settings.index

    @property
    def version(self) -> str:
        """Version that answers at the moment."""
        return self._service.index().manifest.version

    @property
    def fields(self) -> Schema:
        """Metadata fields to filter, count and sort by, with their types."""
        return self._service.index().manifest.schema

    def __len__(self) -> int:
        """Return the number of documents."""
        return self._service.index().manifest.documents

    def __repr__(self) -> str:
        """Return name, size and version."""
        return f"<Index {self.name}: {len(self):,} documents, version {self.version}>"
