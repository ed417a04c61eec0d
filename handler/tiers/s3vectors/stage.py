"""Bring a version into a vector index: what is new is put, what is gone gets an end of its window.

Each version of a vector index has a sequence number, and each vector the numbers from which and up
to which versions have it. Readers filter by the number that their manifest pins, so they see nothing
of a version before the pointer names it. The journal, in our store, has an object for each number
that was ever begun, and says which vectors it ended.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from handler.index.index_version import IndexVersion
from handler.storage.store import Store
from handler.tiers.s3vectors.client import VectorClient
from handler.tiers.s3vectors.vectors import PASSAGES, SHOWN, entries, key_of
from handler.tiers.tier import Served

PUT, GET = 500, 100
"""Vectors of one PutVectors or DeleteVectors, and of one GetVectors."""
UNPUBLISHED = timedelta(days=1)
"""After that time, no run goes on that could still publish."""
WRITERS = 4
"""Requests at a time."""
LANGUAGES = {
    "dutch": "nl",
    "english": "en",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "portuguese": "pt",
    "spanish": "es",
}

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Journal:
    """What was begun in each vector index of one of our indexes, whose folder has this URL."""

    store: Store

    def begin(self, index: str, sequence: int, ended: list[str]) -> None:
        """Note a number and the keys that end with it, before anything is done about it."""
        self.store.put(f"s3vectors/{index}/{sequence:08d}.json", json.dumps(ended).encode())

    def begun(self) -> dict[str, list[int]]:
        """Return the numbers that were begun in each vector index, ascending."""
        found: dict[str, list[int]] = {}
        for each in self.store.list("s3vectors"):
            _, index, name = each.path.split("/")
            found.setdefault(index, []).append(int(name.removesuffix(".json")))
        return {index: sorted(numbers) for index, numbers in found.items()}

    def is_recent(self, index: str) -> bool:
        """Tell whether a run that may still publish has begun something in a vector index."""
        since = datetime.now(UTC) - UNPUBLISHED
        return any(each.modified > since for each in self.store.list(f"s3vectors/{index}"))

    def ended(self, index: str, sequence: int) -> list[str]:
        """Return the keys that ended with a number."""
        return list(json.loads(self.store.get(f"s3vectors/{index}/{sequence:08d}.json")[0]))

    def forget(self, index: str, sequences: Iterable[int]) -> None:
        """Remove what was noted of some numbers."""
        self.store.delete(f"s3vectors/{index}/{each:08d}.json" for each in sequences)


def stage(
    client: VectorClient, journal: Journal, index: IndexVersion, before: IndexVersion | None
) -> Served:
    """Bring in what is new, end what is gone, and return what to pin.

    Only the newest number that was begun can be built upon. After a run that was killed or rolled
    back, all is written into a new vector index, and the old one stays until it is vacuumed.
    """
    served = before.manifest.served if before else {}
    name, last = served.get("index", ""), int(served.get("sequence", 0))
    if (
        before is None
        or served.get("by") != "s3vectors"
        or journal.begun().get(name) is None
        or journal.begun()[name][-1] != last
    ):
        name, before = "", None
    sequence = last + 1 if before else 1
    name = name or _created(client, journal, index)
    gone = np.setdiff1d(before.rows, index.rows) if before else np.empty(0, np.int64)
    keys = [
        key_of(row * PASSAGES + place)
        for row in gone.tolist()
        for place in range(len(before.passages_of(np.array([row]))) if before else 0)
    ]
    if before:
        journal.begin(name, sequence, keys)
    _end(client, name, keys, sequence)
    new = np.setdiff1d(index.rows, before.rows) if before else index.rows
    _put(client, name, entries(index, new, sequence))
    return {
        "by": "s3vectors",
        "bucket": client.bucket,
        "index": name,
        "sequence": str(sequence),
    }


def _created(client: VectorClient, journal: Journal, index: IndexVersion) -> str:
    """Create a vector index for a whole version, and return its name."""
    url = hashlib.sha256(journal.store.url.encode()).hexdigest()[:12]
    version = hashlib.sha256(index.manifest.version.encode()).hexdigest()[:12]
    name = f"qt-{url}-{version}"
    journal.begin(name, 1, [])
    searched: dict[str, Any] = {"metadataKey": "text"}
    if index.manifest.language in LANGUAGES:
        searched["language"] = LANGUAGES[index.manifest.language]
    client.call(
        "CreateIndex",
        indexName=name,
        dataType="float32",
        dimension=index.manifest.dimension,
        distanceMetric="cosine",
        metadataConfiguration={
            "nonFilterableMetadataKeys": SHOWN,
            "textSearchConfigurations": [searched],
        },
    )
    return name


def _end(client: VectorClient, name: str, keys: list[str], sequence: int) -> None:
    """Write an end into the windows of some vectors; the service replaces whole vectors only."""
    for some in chunked(keys, GET):
        answer = client.call(
            "GetVectors", indexName=name, keys=some, returnData=True, returnMetadata=True
        )
        ended = [
            {**each, "metadata": {**each["metadata"], "to": sequence}} for each in answer["vectors"]
        ]
        _put(client, name, ended)


def _put(client: VectorClient, name: str, vectors: Iterable[dict[str, Any]]) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        # Some requests at a time: `map` would read all the documents before the first is sent.
        for several in chunked(chunked(vectors, PUT), 2 * WRITERS):
            calls = [
                pool.submit(client.call, "PutVectors", indexName=name, vectors=some)
                for some in several
            ]
            for call in calls:
                call.result()


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of `size` items, the last of fewer."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
