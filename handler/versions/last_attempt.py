"""A note in the store about the last corpus that led to no new version, so that it isn't read over and over."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal, Self

from handler.errors import ObjectNotFound, StoreError
from handler.index.manifest import IndexFiles
from handler.storage.store import Store


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """What became of a corpus and settings, of which `inputs` is the digest.

    It holds the same documents as `version`; or it was made into that, which failed for these `reasons`.
    """

    kind: Literal["same", "failed"]
    inputs: str
    version: str
    reasons: list[str]

    @classmethod
    def read(cls, store: Store, name: str) -> Self | None:
        """Return the note about index `name`, if there is one that can be read."""
        with suppress(ObjectNotFound, ValueError, TypeError):
            return cls(**json.loads(store.get(IndexFiles.verdict(name))[0]))
        return None

    def write(self, store: Store, name: str) -> None:
        """Leave the note, over an older one."""
        store.put(IndexFiles.verdict(name), (json.dumps(asdict(self), indent=2) + "\n").encode())

    @staticmethod
    def forget(store: Store, name: str) -> None:
        """Remove the notes about index `name`; those that can't be removed do no harm."""
        with suppress(StoreError):
            store.delete([IndexFiles.verdict(name), IndexFiles.rolled_back(name)])


def rolled_back(store: Store, name: str) -> list[str]:
    """Return the digests of corpora and settings whose versions people went back from; they are not published again."""
    with suppress(ObjectNotFound, ValueError):
        found = json.loads(store.get(IndexFiles.rolled_back(name))[0])
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
    return []


def note_rolled_back(store: Store, name: str, inputs: str) -> None:
    """Add a digest to those of `rolled_back`."""
    known = [each for each in rolled_back(store, name) if each != inputs]
    store.put(
        IndexFiles.rolled_back(name), (json.dumps([*known, inputs], indent=1) + "\n").encode()
    )
