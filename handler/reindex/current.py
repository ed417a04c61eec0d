"""The published version as the next run finds it: what can be compared with, and built upon."""

import hashlib
import json
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
from handler.store.store import Store


@dataclass(frozen=True, slots=True)
class Current:
    """What the pointer of an index leads to.

    `etag` is the pointer's own, None where there is none; `listing` says what the version was made from.
    `problem` says why manifest or listing are None although there is a pointer.
    """

    etag: str | None = None
    manifest: IndexManifest | None = None
    listing: Listing | None = None
    problem: str = ""

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
            check_complete(store, manifest)
            return cls(etag, manifest, _read_listing(store, manifest))
        except IndexUnavailable as cause:
            return cls(etag, manifest, None, str(cause))

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

    def fetch(self, store: Store, scratch: Path) -> tuple[IndexVersion, Path]:
        """Open the version, without its graph, and return it with its folder.

        Raises:
            IndexUnavailable: it is incomplete or was altered.
            StoreError: the store fails.
        """
        if self.manifest is None:
            raise IndexUnavailable(self.problem or "there is no version yet")
        return fetch_version(store, self.manifest, scratch)

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


def fetch_version(store: Store, manifest: IndexManifest, scratch: Path) -> tuple[IndexVersion, Path]:
    """Open any version without its graph, a folder store's in place, and return it with its folder.

    Raises:
        IndexUnavailable: it is incomplete or was altered.
        StoreError: the store fails.
    """
    check_complete(store, manifest)
    folder = scratch / manifest.version
    if store.local:
        folder = store.local / _root(manifest)
    else:
        lean = replace(manifest, files={name: e for name, e in manifest.files.items() if name != IndexFiles.GRAPH})
        download_version(store, _root(manifest), lean, lean.to_json().encode(), folder)
    return IndexVersion.open(folder), folder


def check_complete(store: Store, manifest: IndexManifest) -> None:
    """Raise IndexUnavailable unless all files of a version are in the store, in the right sizes."""
    root = _root(manifest)
    found = {each.path.removeprefix(f"{root}/"): each.size for each in store.list(root)}
    wrong = [name for name, entry in manifest.files.items() if found.get(name) != entry.bytes]
    if wrong:
        raise IndexUnavailable(f"version {manifest.version} is damaged: {', '.join(wrong)} missing or incomplete")


def _read_listing(store: Store, manifest: IndexManifest) -> Listing:
    path = f"{_root(manifest)}/{IndexFiles.OBJECTS}"
    try:
        data, _ = store.get(path)
        return Listing.parse(data, manifest.corpus.get("objects", ""), f"{store.url}/{path}")
    except ObjectNotFound as cause:
        raise IndexUnavailable(f"{store.url}/{path} is missing: all objects are read again") from cause


def _root(manifest: IndexManifest) -> str:
    return IndexFiles.version(manifest.name, manifest.version)
