"""The published version as the next run finds it: what can be compared with, and built upon."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
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
from handler.index.versions import PARALLEL, Pointer, check_name, download_version
from handler.store.store import Store, StoredObject

GRAPH_FILES = (IndexFiles.GRAPH, IndexFiles.KEYS)


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
            problem = f"{store.url}/{IndexFiles.current(name)} is missing although there are versions" if last else ""
            return cls(problem=problem, damaged=bool(problem), last=last)
        manifest = None
        try:
            manifest = read_manifest(store, name, Pointer.parse(data, f"{store.url}/{IndexFiles.current(name)}"))
            touched = not as_uploaded(store, manifest, check_complete(store, manifest))
        except IndexUnavailable as cause:
            return cls(etag, manifest, None, str(cause), damaged=True, last=manifest or _newest(store, name))
        try:
            return cls(etag, manifest, _read_listing(store, manifest), touched=touched, last=manifest)
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
            root = version_root(self.manifest)
            etags = {name: each.etag for name, each in check_complete(store, self.manifest).items()}
            store.put(f"{root}/{IndexFiles.ETAGS}", (json.dumps(etags, indent=1) + "\n").encode())
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
        folder = store.local / version_root(manifest)
    elif not (folder / IndexFiles.MANIFEST).exists():
        files = {name: entry for name, entry in manifest.files.items() if graph or name not in GRAPH_FILES}
        lean = replace(manifest, files=files)
        download_version(store, version_root(manifest), lean, lean.to_json().encode(), folder)
    return IndexVersion.open(folder), folder


def check_complete(store: Store, manifest: IndexManifest) -> dict[str, StoredObject]:
    """Return what the store has of a version, by name.

    Raises:
        IndexUnavailable: a file is missing or has another size.
    """
    root = version_root(manifest)
    found = {each.path.removeprefix(f"{root}/"): each for each in store.list(root)}
    wrong = [name for name, entry in manifest.files.items() if name not in found or found[name].size != entry.bytes]
    if wrong:
        raise IndexUnavailable(f"version {manifest.version} is damaged: {', '.join(wrong)} missing or incomplete")
    return found


def as_uploaded(store: Store, manifest: IndexManifest, found: Mapping[str, StoredObject]) -> bool:
    """Tell whether the files of a version, as `found`, have the ETags that they had when they were known to be good."""
    try:
        known = json.loads(store.get(f"{version_root(manifest)}/{IndexFiles.ETAGS}")[0])
        # Azure quotes an ETag in one answer and not in another.
        return all(known[name].strip('"') == found[name].etag.strip('"') for name in manifest.files)
    except (ObjectNotFound, ValueError, KeyError, TypeError, AttributeError):
        return False


def _read_listing(store: Store, manifest: IndexManifest) -> Listing:
    path = f"{version_root(manifest)}/{IndexFiles.OBJECTS}"
    try:
        data, _ = store.get(path)
        return Listing.parse(data, manifest.corpus.get("objects", ""), f"{store.url}/{path}")
    except ObjectNotFound as cause:
        raise IndexUnavailable(f"{store.url}/{path} is missing: all objects are read again") from cause


def version_root(manifest: IndexManifest) -> str:
    """Return the path of the folder of a version."""
    return IndexFiles.version(manifest.name, manifest.version)


def versions(store: Store, name: str) -> list[IndexManifest]:
    """Return the manifests of all whole versions of index `name`, the newest first.

    Raises:
        StoreError: the store can't be read, or the name can't be used.
    """
    check_name(name)
    root = IndexFiles.versions(name)
    ending = f"/{IndexFiles.MANIFEST}"
    paths = [each.path for each in store.list(root) if each.path.endswith(ending) and each.path.count("/") == 4]
    with ThreadPoolExecutor(PARALLEL) as pool:
        found = [manifest for manifest in pool.map(lambda path: _manifest(store, path), paths) if manifest]
    return sorted(found, key=lambda manifest: manifest.version, reverse=True)


def _newest(store: Store, name: str) -> IndexManifest | None:
    return next((manifest for manifest in versions(store, name) if not manifest.failures), None)


def _manifest(store: Store, path: str) -> IndexManifest | None:
    try:
        return IndexManifest.parse(store.get(path)[0], f"{store.url}/{path}")
    except (ObjectNotFound, IndexUnavailable):
        return None
