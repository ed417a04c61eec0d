"""One index of a store, for Python programs and notebooks: the function's code without HTTP."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, Self

from pydantic import ValidationError

from handler.corpus.schema import Schema
from handler.encoder import TextKind, Vectors
from handler.errors import InvalidRequest
from handler.search.bounds import K, check_number
from handler.search.request import Mode, SearchRequest, first_fault
from handler.search.searcher import find
from handler.service import Service
from handler.settings import Settings
from querytower.results import Document, Hit, Results


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

    def search(
        self,
        query: str,
        *,
        k: int | None = None,
        offset: int = 0,
        mode: Mode = "hybrid",
        filter: Mapping[str, Any] | None = None,  # noqa: A002  (the option's name everywhere)
        sort: str = "",
        facets: Sequence[str] = (),
        highlight: bool = False,
        explain: bool = False,
    ) -> Results:
        """Return the best hits for a query.

        Args:
            query: What to search for.
            k: Number of hits; None for 10.
            offset: Hits to skip, for further pages.
            mode: Search by meaning and words (hybrid), by meaning (semantic), by words (keyword).
            filter: Condition on metadata, such as {"year": {"$gte": 1990}}.
            sort: Metadata field to sort by, with - in front for descending order.
            facets: Metadata fields whose values are counted.
            highlight: Return the best passage as HTML with the match marked.
            explain: Tell how each score came about.

        Raises:
            InvalidRequest: an option is out of bounds, or the index has no such field.
        """
        options = {
            "query": query,
            "offset": offset,
            "mode": mode,
            "filter": None if filter is None else dict(filter),
            "sort": sort,
            "facets": list(facets),
            "highlight": highlight,
            "explain": explain,
        }
        given = {} if k is None else {"k": k}
        try:
            request = SearchRequest.model_validate(options | given)
        except ValidationError as cause:
            raise InvalidRequest(first_fault(cause.errors())) from cause
        request = request.within(self._service.settings)
        with self._lock:
            answer = self._service.searcher.search(self._service.index(), request)
        return Results([Hit.of(hit) for hit in answer.hits], answer.facets)

    def similar(self, document_id: str, *, k: int = 10) -> Results:
        """Return the `k` documents most similar to one, without that one.

        Raises:
            DocumentNotFound: no document has this id.
            InvalidRequest: `k` is out of bounds.
        """
        check_number(k, "k", K, self._service.settings)
        with self._lock:
            answer = self._service.searcher.similar(self._service.index(), [document_id], k)
        return Results([Hit.of(hit) for hit in answer.hits])

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
