"""Where the files of a stored index lie, below its store. No other module builds such a path."""

from dataclasses import dataclass

INDEXES = "indexes"
POINTER = "current.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one index, relative to its store, with forward slashes."""

    index: str

    @property
    def root(self) -> str:
        """Folder of everything that belongs to the index."""
        return f"{INDEXES}/{self.index}"

    @property
    def pointer(self) -> str:
        """The pointer to the published version."""
        return f"{self.root}/{POINTER}"

    @property
    def versions(self) -> str:
        """Folder of all versions."""
        return f"{self.root}/versions"

    @property
    def lease(self) -> str:
        """The lease that a run holds while it makes a version."""
        return f"{self.root}/lease.json"

    @property
    def last_attempt(self) -> str:
        """The note about the last corpus that led to no new version."""
        return f"{self.root}/verdict.json"

    @property
    def rolled_back(self) -> str:
        """The note about corpora whose versions were rolled back."""
        return f"{self.root}/rolled-back.json"

    @property
    def work(self) -> str:
        """Folder of the vectors that interrupted runs leave for the next one."""
        return f"{self.root}/work"

    @property
    def golden(self) -> str:
        """Folder of the golden queries, with or without judgments."""
        return f"{self.root}/golden"

    def version(self, version: str) -> str:
        """Folder of one version."""
        return f"{self.versions}/{version}"

    def file(self, version: str, name: str) -> str:
        """One file of a version."""
        return f"{self.version(version)}/{name}"

    def version_of(self, path: str) -> str:
        """Name of the version that the object at `path`, below `versions`, belongs to."""
        return path.removeprefix(f"{self.versions}/").partition("/")[0]


def index_of_pointer(path: str) -> str | None:
    """Return the name of the index whose pointer lies at `path`; None if `path` is no pointer."""
    parts = path.split("/")
    is_pointer = len(parts) == 3 and parts[0] == INDEXES and parts[2] == POINTER
    return parts[1] if is_pointer else None
