"""The published version as the next run finds it: what to compare with, and what to reuse."""

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from handler.corpus.listing import Listing
from handler.corpus.passages import Split
from handler.encoder import Encoder
from handler.errors import IndexUnavailable, ObjectNotFound
from handler.index.index_version import IndexVersion
from handler.index.manifest import INDEX_FORMAT, IndexFiles, IndexManifest
from handler.index.writer import Options
from handler.reindex.incremental_reader import Stored
from handler.versions.pointer import Pointer
from handler.versions.repository import IndexRepository
from handler.versions.transfer import open_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The version that the pointer of an index leads to.

    Attributes:
        etag: of the pointer; None where there is no pointer.
        manifest: of the version; None if it can't be read.
        listing: the corpus objects that the version was made from; None if that can't be read.
        problem: why manifest or listing is missing although there was a version.
        damaged: the version can't be searched any more.
        touched: one of its files may differ from the file that was uploaded.
        last: the manifest of the version, or else of the newest good version.
    """

    etag: str | None = None
    manifest: IndexManifest | None = None
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
        etag = repository.pointer_etag()
        if etag is None:
            return cls._without_pointer(repository)
        manifest = None
        try:
            pointer, etag = repository.pointer()
            manifest = _read_manifest(repository, pointer)
            found = repository.check_complete(manifest)
            touched = not repository.is_as_uploaded(manifest, found)
        except IndexUnavailable as cause:
            last = manifest or repository.newest_good()
            return cls(etag=etag, manifest=manifest, problem=str(cause), damaged=True, last=last)
        try:
            listing, problem = _read_listing(repository, manifest), ""
        except IndexUnavailable as cause:
            listing, problem = None, str(cause)
        return cls(
            etag=etag,
            manifest=manifest,
            listing=listing,
            problem=problem,
            touched=touched,
            last=manifest,
        )

    @classmethod
    def _without_pointer(cls, repository: IndexRepository) -> "Baseline":
        last = repository.newest_good()
        if last is None:
            return cls()
        address = repository.location(repository.layout.pointer)
        problem = f"{address} is missing although there are versions"
        return cls(problem=problem, damaged=True, last=last)

    def verified(self, repository: IndexRepository, scratch: Path, *, settle: bool) -> "Baseline":
        """Check every byte of the version; the result has the problem if it was altered.

        With `settle`, the present ETags are recorded as good, so that the next run need not check
        again.

        Raises:
            StoreError: the store fails.
        """
        if self.manifest is None:
            return self
        try:
            open_version(repository, self.manifest, scratch, graph=True)
        except IndexUnavailable as cause:
            return replace(self, listing=None, problem=str(cause), damaged=True)
        if settle:
            found = repository.check_complete(self.manifest)
            etags = {name: each.etag for name, each in found.items()}
            repository.note_etags(self.manifest.version, etags)
        return self

    def obstacles(self, encoder: Encoder, options: Options) -> list[str]:
        """Return the reasons why none of the version's vectors can be reused."""
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

    def open(
        self, repository: IndexRepository, scratch: Path, *, graph: bool
    ) -> tuple[IndexVersion, Path]:
        """Open the version, with or without its `graph`, and return it with its folder.

        Raises:
            IndexUnavailable: it is incomplete or was altered.
            StoreError: the store fails.
        """
        if self.manifest is None:
            raise IndexUnavailable(self.problem or "there is no version yet")
        return open_version(repository, self.manifest, scratch, graph=graph)

    def stored(self, repository: IndexRepository, index: IndexVersion) -> Stored | None:
        """Return what the version holds of each corpus object; None if that is not recorded."""
        if self.listing is None or self.manifest is None:
            return None
        rejects = b""
        with suppress(ObjectNotFound):
            rejects = repository.read(self.manifest.version, IndexFiles.REJECTS)
        return Stored.of(index, self.listing, rejects)


def _read_manifest(repository: IndexRepository, pointer: Pointer) -> IndexManifest:
    """Return the published manifest; raise IndexUnavailable also for an older format."""
    data = repository.published_manifest(pointer)
    path = repository.layout.file(pointer.version, IndexFiles.MANIFEST)
    origin = repository.location(path)
    manifest = IndexManifest.parse(data, origin)
    if (found := json.loads(data)["format"]) != INDEX_FORMAT:
        raise IndexUnavailable(
            f"{origin} has format {found}, this querytower writes {INDEX_FORMAT}"
        )
    return manifest


def _read_listing(repository: IndexRepository, manifest: IndexManifest) -> Listing:
    origin = repository.location(repository.layout.file(manifest.version, IndexFiles.OBJECTS))
    try:
        data = repository.read(manifest.version, IndexFiles.OBJECTS)
    except ObjectNotFound as cause:
        raise IndexUnavailable(f"{origin} is missing: all objects are read again") from cause
    return Listing.parse(data, manifest.corpus.get("objects", ""), origin)
