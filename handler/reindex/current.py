"""The published version as the next run finds it: what can be compared with, and built upon."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from handler.bundle import INDEX_FORMAT, IndexFiles, IndexManifest
from handler.corpus.listing import Listing
from handler.corpus.passages import Split
from handler.corpus.reading import Stored
from handler.encoder import Encoder
from handler.errors import IndexUnavailable, ObjectNotFound
from handler.index.build import Options
from handler.index.index import IndexVersion
from handler.index.versions import Pointer, download_version
from handler.store.store import Store, StoredObject

GRAPH_FILES = (IndexFiles.GRAPH, IndexFiles.KEYS)


@dataclass(frozen=True, slots=True)
class Current:
    """What the pointer of an index leads to.

    `etag` is the pointer's own, None where there is none; `listing` says what the version was made from.
    `problem` says why manifest or listing are None although there is a pointer; `touched` that a file of the
    version may be another than was uploaded.
    """

    etag: str | None = None
    manifest: IndexManifest | None = None
    listing: Listing | None = None
    problem: str = ""
    touched: bool = False

    @classmethod
    def read(cls, store: Store, name: str) -> "Current":
        """Read pointer, manifest and listing; whatever is damaged is left out.

        Raises:
            StoreError: the store fails.
        """
        try:
            data, etag = store.get(IndexFiles.current(name))
        except ObjectNotFound:
            return cls()
        manifest = None
        try:
            manifest = read_manifest(store, name, Pointer.parse(data, f"{store.url}/{IndexFiles.current(name)}"))
            touched = not _as_uploaded(store, manifest, check_complete(store, manifest))
            return cls(etag, manifest, _read_listing(store, manifest), touched=touched)
        except IndexUnavailable as cause:
            return cls(etag, manifest, None, str(cause))

    def verified(self, store: Store, scratch: Path) -> "Current":
        """Return the same after a look at every byte of the version, with the problem if it was altered.

        Raises:
            StoreError: the store fails.
        """
        try:
            if self.manifest:
                fetch_version(store, self.manifest, scratch, graph=True)
        except IndexUnavailable as cause:
            return replace(self, listing=None, problem=str(cause))
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
        return [f"{name} changed from {before} to {now}" for name, (before, now) in pairs.items() if before != now]

    def options(self) -> Options:
        """Return how the version was built, or the defaults."""
        old = self.manifest
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
            rejects, _ = store.get(f"{_root(self.manifest)}/{IndexFiles.REJECTS}")
        return Stored.of(index, self.listing, rejects)


def read_manifest(store: Store, name: str, pointer: Pointer) -> IndexManifest:
    """Return the manifest of the version that `pointer` names.

    Raises:
        IndexUnavailable: it is missing, not the one published, or of another format.
    """
    path = f"{IndexFiles.version(name, pointer.version)}/{IndexFiles.MANIFEST}"
    try:
        data, _ = store.get(path)
    except ObjectNotFound as cause:
        raise IndexUnavailable(f"{store.url}/{path} is missing; roll back, or index again") from cause
    if hashlib.sha256(data).hexdigest() != pointer.manifest_sha256:
        raise IndexUnavailable(f"{store.url}/{path} is not the one published; roll back, or index again")
    manifest = IndexManifest.parse(data, f"{store.url}/{path}")
    if (found := json.loads(data)["format"]) != INDEX_FORMAT:
        raise IndexUnavailable(f"{store.url}/{path} has format {found}, this querytower writes {INDEX_FORMAT}")
    return manifest


def fetch_version(
    store: Store, manifest: IndexManifest, scratch: Path, *, graph: bool = False
) -> tuple[IndexVersion, Path]:
    """Open any version, without its `graph` unless that is asked for, and return it with its folder.

    A folder store's is opened in place.

    Raises:
        IndexUnavailable: it is incomplete or was altered.
        StoreError: the store fails.
    """
    check_complete(store, manifest)
    folder = scratch / manifest.version
    if store.local:
        folder = store.local / _root(manifest)
    elif not (folder / IndexFiles.MANIFEST).exists():
        files = {name: entry for name, entry in manifest.files.items() if graph or name not in GRAPH_FILES}
        lean = replace(manifest, files=files)
        download_version(store, _root(manifest), lean, lean.to_json().encode(), folder)
    return IndexVersion.open(folder), folder


def check_complete(store: Store, manifest: IndexManifest) -> dict[str, StoredObject]:
    """Return what the store has of a version, by name.

    Raises:
        IndexUnavailable: a file is missing or has another size.
    """
    root = _root(manifest)
    found = {each.path.removeprefix(f"{root}/"): each for each in store.list(root)}
    wrong = [name for name, entry in manifest.files.items() if name not in found or found[name].size != entry.bytes]
    if wrong:
        raise IndexUnavailable(f"version {manifest.version} is damaged: {', '.join(wrong)} missing or incomplete")
    return found


def _as_uploaded(store: Store, manifest: IndexManifest, found: Mapping[str, StoredObject]) -> bool:
    try:
        known = json.loads(store.get(f"{_root(manifest)}/{IndexFiles.ETAGS}")[0])
        return all(known[name] == found[name].etag for name in manifest.files)
    except (ObjectNotFound, ValueError, KeyError, TypeError):
        return False


def _read_listing(store: Store, manifest: IndexManifest) -> Listing:
    path = f"{_root(manifest)}/{IndexFiles.OBJECTS}"
    try:
        data, _ = store.get(path)
        return Listing.parse(data, manifest.corpus.get("objects", ""), f"{store.url}/{path}")
    except ObjectNotFound as cause:
        raise IndexUnavailable(f"{store.url}/{path} is missing: all objects are read again") from cause


def _root(manifest: IndexManifest) -> str:
    return IndexFiles.version(manifest.name, manifest.version)
