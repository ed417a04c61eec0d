"""Where the files of an index lie in a store, written out a second time: they must stay there."""

import json
from contextlib import suppress
from dataclasses import dataclass

from handler.errors import ObjectNotFound
from handler.storage.store import Store


@dataclass(frozen=True, slots=True)
class StoredPaths:
    """Paths of one index, relative to its store."""

    index: str = "default"

    @property
    def pointer(self) -> str:
        return f"indexes/{self.index}/current.json"

    @property
    def lease(self) -> str:
        return f"indexes/{self.index}/lease.json"

    @property
    def last_attempt(self) -> str:
        return f"indexes/{self.index}/verdict.json"

    @property
    def versions(self) -> str:
        return f"indexes/{self.index}/versions"

    @property
    def work(self) -> str:
        return f"indexes/{self.index}/work"

    @property
    def golden(self) -> str:
        return f"indexes/{self.index}/golden"

    @property
    def files(self) -> str:
        return f"indexes/{self.index}/files"

    def file(self, store: Store, version: str, name: str) -> str:
        """Return the path of a file that the manifest of a version names, or of one beside it.

        A file of segments is that of the first.
        """
        place = self.version(version)
        with suppress(ObjectNotFound, KeyError):
            manifest = json.loads(store.get(f"{place}/manifest.json")[0])
            files = manifest["files"]
            entry = files[f"segments/0/{name}" if f"segments/0/{name}" in files else name]
            return f"{self.files}/{entry['sha256']}"
        return f"{place}/{name}"

    def version(self, version: str) -> str:
        return f"{self.versions}/{version}"


PATHS = StoredPaths()
