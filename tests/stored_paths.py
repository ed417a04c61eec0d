"""Where the files of an index lie in a store, written out a second time: they must stay there."""

from dataclasses import dataclass


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
    def checkpoints(self) -> str:
        return f"indexes/{self.index}/work"

    @property
    def golden(self) -> str:
        return f"indexes/{self.index}/golden"

    def version(self, version: str) -> str:
        return f"{self.versions}/{version}"


PATHS = StoredPaths()
