"""A note in the store about the last corpus that led to no new version, so that it isn't read over and over."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal, Self

from handler.bundle import IndexFiles
from handler.errors import ObjectNotFound, StoreError
from handler.store.store import Store


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a corpus and settings, of which `inputs` is the digest.

    It holds the same documents as `version`; or it was made into that, which failed for these `reasons`; or that
    was published and rolled back by a person.
    """

    kind: Literal["same", "failed", "rolled back"]
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
        """Remove the note about index `name`; one that can't be removed does no harm."""
        with suppress(StoreError):
            store.delete([IndexFiles.verdict(name)])
