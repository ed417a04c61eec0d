"""The published version as the next run finds it: what can be compared with, and built upon."""

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
from handler.storage.store import Store
from handler.versions.catalog import (
    as_uploaded,
    check_complete,
    fetch_version,
    version_root,
    versions,
)
from handler.versions.pointer import Pointer, manifest_text
from handler.versions.transfer import note_etags


@dataclass(frozen=True, slots=True)
class Current:
    """What the pointer of an index leads to.

    `etag` is the pointer's own, None where there is none; `listing` says what the version was made from.
    `problem` says why manifest or listing are missing although there was a version, and `damaged` whether it can be
    searched no more; `touched` says that one of its files may be another than was uploaded. `last` is the manifest
    of the version, or of the newest good one where that can't be told.
    """

    etag: str | None = None
    manifest: IndexManifest | None = None
    listing: Listing | None = None
    problem: str = ""
    damaged: bool = False
    touched: bool = False
    last: IndexManifest | None = None

    @classmethod
    def read(cls, store: Store, name: str) -> "Current":
        """Read pointer, manifest and listing; whatever is damaged is left out.

        Raises:
            StoreError: the store fails.
        """
        try:
            data, etag = store.get(IndexFiles.current(name))
        except ObjectNotFound:
            last = _newest(store, name)
            problem = (
                f"{store.url}/{IndexFiles.current(name)} is missing although there are versions"
                if last
                else ""
            )
            return cls(problem=problem, damaged=bool(problem), last=last)
        manifest = None
        try:
            manifest = _read_manifest(
                store, name, Pointer.parse(data, f"{store.url}/{IndexFiles.current(name)}")
            )
            touched = not as_uploaded(store, manifest, check_complete(store, manifest))
        except IndexUnavailable as cause:
            return cls(
                etag,
                manifest,
                None,
                str(cause),
                damaged=True,
                last=manifest or _newest(store, name),
            )
        try:
            return cls(
                etag, manifest, _read_listing(store, manifest), touched=touched, last=manifest
            )
        except IndexUnavailable as cause:
            return cls(etag, manifest, None, str(cause), touched=touched, last=manifest)

    def verified(self, store: Store, scratch: Path, *, settle: bool) -> "Current":
        """Return the same after a look at every byte of the version, with the problem if it was altered.

        To `settle` it notes that the files are good as they are now, so that the next run need not look again.

        Raises:
            StoreError: the store fails.
        """
        if self.manifest is None:
            return self
        try:
            fetch_version(store, self.manifest, scratch, graph=True)
        except IndexUnavailable as cause:
            return replace(self, listing=None, problem=str(cause), damaged=True)
        if settle:
            found = check_complete(store, self.manifest)
            note_etags(
                store,
                version_root(self.manifest),
                {name: each.etag for name, each in found.items()},
            )
        return self

    def obstacles(self, encoder: Encoder, options: Options) -> list[str]:
        """Return in words why none of the version's vectors can be used again."""
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

    def fetch(self, store: Store, scratch: Path, *, graph: bool) -> tuple[IndexVersion, Path]:
        """Open the version, with its `graph` or without, and return it with its folder.

        Raises:
            IndexUnavailable: it is incomplete or was altered.
            StoreError: the store fails.
        """
        if self.manifest is None:
            raise IndexUnavailable(self.problem or "there is no version yet")
        return fetch_version(store, self.manifest, scratch, graph=graph)

    def stored(self, store: Store, index: IndexVersion) -> Stored | None:
        """Return what the version holds of each object, or None where that is not recorded."""
        if self.listing is None or self.manifest is None:
            return None
        rejects = b""
        with suppress(ObjectNotFound):
            rejects, _ = store.get(f"{version_root(self.manifest)}/{IndexFiles.REJECTS}")
        return Stored.of(index, self.listing, rejects)


def _read_manifest(store: Store, name: str, pointer: Pointer) -> IndexManifest:
    """Return the manifest of the version that `pointer` names, or raise IndexUnavailable, also for another format."""
    data = manifest_text(store, name, pointer)
    origin = f"{store.url}/{IndexFiles.version(name, pointer.version)}/{IndexFiles.MANIFEST}"
    manifest = IndexManifest.parse(data, origin)
    if (found := json.loads(data)["format"]) != INDEX_FORMAT:
        raise IndexUnavailable(
            f"{origin} has format {found}, this querytower writes {INDEX_FORMAT}"
        )
    return manifest


def _read_listing(store: Store, manifest: IndexManifest) -> Listing:
    path = f"{version_root(manifest)}/{IndexFiles.OBJECTS}"
    try:
        data, _ = store.get(path)
        return Listing.parse(data, manifest.corpus.get("objects", ""), f"{store.url}/{path}")
    except ObjectNotFound as cause:
        raise IndexUnavailable(
            f"{store.url}/{path} is missing: all objects are read again"
        ) from cause


def _newest(store: Store, name: str) -> IndexManifest | None:
    return next((manifest for manifest in versions(store, name) if not manifest.failures), None)
