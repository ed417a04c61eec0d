"""The published version as the next run finds it: what to compare with, and to build upon."""

from dataclasses import dataclass, replace
from pathlib import Path

from handler.corpus.listing import Listing
from handler.corpus.passages import Split
from handler.encoder import Encoder
from handler.errors import IndexUnavailable
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.writer import Options
from handler.reindex.incremental_reader import IndexedObjects
from handler.versions.pointer import Pointer
from handler.versions.repository import IndexRepository
from handler.versions.stored_version import StoredVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The version that the pointer of an index names, as far as it can be read.

    Attributes:
        etag: ETag of the pointer, None if there is no pointer.
        version: the version, None if its manifest can't be used.
        listing: the objects that the version was made from.
        problem: why manifest or listing are missing although there was a version.
        damaged: whether the version can't be searched any more.
        touched: whether a file may differ from the one uploaded.
        last: manifest of the version, or of the newest good one if that is unknown.
    """

    etag: str | None = None
    version: StoredVersion | None = None
    listing: Listing | None = None
    problem: str = ""
    damaged: bool = False
    touched: bool = False
    last: IndexManifest | None = None

    @classmethod
    def read(cls, repository: IndexRepository) -> "Baseline":
        """Read pointer, manifest and listing; what is damaged is left out.

        Raises:
            StoreError: the store fails.
        """
        found = repository.pointer_file()
        if found is None:
            last = _newest(repository)
            problem = f"{repository.pointer_url} is missing although there are versions"
            return cls(problem=problem if last else "", damaged=bool(last), last=last)
        (text, etag), version = found, None
        try:
            pointer = Pointer.parse(text, repository.pointer_url)
            version = _published(repository, pointer)
            touched = not version.is_as_uploaded()
        except IndexUnavailable as cause:
            last = version.manifest if version else _newest(repository)
            return cls(etag=etag, version=version, problem=str(cause), damaged=True, last=last)
        baseline = cls(etag=etag, version=version, touched=touched, last=version.manifest)
        try:
            return replace(baseline, listing=_read_listing(version))
        except IndexUnavailable as cause:
            return replace(baseline, problem=str(cause))

    @property
    def manifest(self) -> IndexManifest | None:
        """Manifest of the version."""
        return self.version.manifest if self.version else None

    @property
    def serving(self) -> str:
        """What serves the version."""
        return self.manifest.served.get("by", "function") if self.manifest else "function"

    @property
    def name(self) -> str:
        """Name of the version, empty if there is none."""
        return self.version.name if self.version else ""

    def verified(self, scratch: Path, *, note: bool) -> "Baseline":
        """Check every byte of the version, and return the baseline with what is wrong with it.

        With `note`, good files are noted in the store, so that the next run need not check again.

        Raises:
            StoreError: the store fails.
        """
        if self.version is None:
            return self
        try:
            self.version.open(scratch)
        except IndexUnavailable as cause:
            return replace(self, listing=None, problem=str(cause), damaged=True)
        if note:
            self.version.note_good()
        return self

    def obstacles(self, encoder: Encoder, options: Options) -> list[str]:
        """Return why none of the version's vectors can be reused, one sentence for each reason."""
        old = self.manifest
        if old is None:
            return [self.problem] if self.problem else []
        pairs = {
            "the model": (old.fingerprint, encoder.manifest.fingerprint),
            "the passage settings": (Split(**old.split), options.split),
            "the precision": (old.precision, options.precision),
            "the language": (old.language, options.language),
        }
        return [
            f"{name} changed from {before} to {now}"
            for name, (before, now) in pairs.items()
            if before != now
        ]

    def options(self) -> Options:
        """Return how the version was built, or the defaults."""
        old = self.last
        return Options(Split(**old.split), old.precision, old.language) if old else Options()

    def open(self, scratch: Path) -> IndexVersion:
        """Open the version.

        Raises:
            IndexUnavailable: there is no version, or it is incomplete or was altered.
            StoreError: the store fails.
        """
        if self.version is None:
            raise IndexUnavailable(self.problem or "there is no version yet")
        return self.version.open(scratch)

    def indexed_objects(self, index: IndexVersion) -> IndexedObjects | None:
        """Return the objects that the opened version holds, or None if that is not recorded.

        Raises:
            StoreError: the store fails.
        """
        if self.listing is None or self.version is None:
            return None
        rejects = self.version.read(IndexFiles.REJECTS)
        return IndexedObjects.of(index, self.listing, rejects or b"")


def _published(repository: IndexRepository, pointer: Pointer) -> StoredVersion:
    """Return the version that `pointer` names.

    Raises:
        IndexUnavailable: its manifest can't be used, or has another format than new versions.
    """
    manifest, _ = repository.published_manifest(pointer)
    folder = repository.version_folder(pointer.version)
    manifest.check_format(f"{folder.url}/{IndexFiles.MANIFEST}")
    return StoredVersion(folder, repository.files, manifest)


def _read_listing(version: StoredVersion) -> Listing:
    origin = f"{version.folder.url}/{IndexFiles.OBJECTS}"
    data = version.read(IndexFiles.OBJECTS)
    if data is None:
        raise IndexUnavailable(f"{origin} is missing: all objects are read again")
    return Listing.parse(data, version.manifest.corpus.get("objects", ""), origin)


def _newest(repository: IndexRepository) -> IndexManifest | None:
    for version in repository.versions():
        if not version.manifest.failures:
            return version.manifest
    return None
