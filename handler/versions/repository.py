"""The stored versions of one index: pointer, manifests, files. All paths are built in layout.py."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from handler.errors import IndexUnavailable, LostRace, ObjectNotFound, StoreError
from handler.index.manifest import IndexFiles, IndexManifest
from handler.storage.store import Store, StoredObject
from handler.versions.layout import INDEXES, Layout, index_of_pointer
from handler.versions.pointer import Pointer

MAX_NAME_CHARS = 64
PARALLEL = 8


@dataclass(frozen=True, slots=True)
class IndexRepository:
    """The index called `name` in `store`; nothing is read before a method asks for it.

    Raises:
        StoreError: nothing can have this name.
    """

    store: Store
    name: str

    def __post_init__(self) -> None:
        """Check the name: 1 to 64 letters, digits, - and _."""
        plain = self.name.replace("-", "").replace("_", "")
        if not (len(self.name) <= MAX_NAME_CHARS and self.name.isascii() and plain.isalnum()):
            raise StoreError(
                f"{self.name!r} can't name an index; "
                f"use up to {MAX_NAME_CHARS} letters, digits, - and _"
            )

    @property
    def layout(self) -> Layout:
        """Paths of this index in the store."""
        return Layout(self.name)

    def location(self, path: str) -> str:
        """Return the full address of a path, for messages."""
        return f"{self.store.url}/{path}"

    # The pointer

    def pointer(self) -> tuple[Pointer, str]:
        """Return the pointer to the published version, and its ETag.

        Raises:
            IndexUnavailable: nothing was published under this name, or the pointer is damaged.
            StoreError: the store fails.
        """
        path = self.layout.pointer
        try:
            data, etag = self.store.get(path)
        except ObjectNotFound as cause:
            known = ", ".join(index_names(self.store)) or "none"
            raise IndexUnavailable(
                f"{self.store.url} has no index {self.name!r} (indexes there: {known}); make it "
                f"with: querytower index CORPUS --to {self.store.url} --name {self.name}"
            ) from cause
        return Pointer.parse(data, self.location(path)), etag

    def pointer_if_changed(self, etag: str | None) -> tuple[Pointer, str] | None:
        """Return pointer and ETag, or None while the pointer still has this `etag`.

        Raises:
            IndexUnavailable: the pointer is damaged.
            StoreError: the store fails; ObjectNotFound if there is no pointer.
        """
        path = self.layout.pointer
        changed = self.store.get_if_changed(path, etag)
        return changed and (Pointer.parse(changed[0], self.location(path)), changed[1])

    def pointer_etag(self) -> str | None:
        """Return the ETag of the pointer, readable or not; None if there is none yet."""
        try:
            return self.store.get(self.layout.pointer)[1]
        except ObjectNotFound:
            return None

    def publish(self, version: str, expected: str | None) -> Pointer:
        """Point to an uploaded version if the pointer has the ETag `expected` (None: no pointer).

        Raises:
            LostRace: somebody else published meanwhile; the pointer is theirs.
            StoreError: the store fails.
        """
        manifest, _ = self.store.get(self.layout.file(version, IndexFiles.MANIFEST))
        pointer = Pointer(
            version=version,
            manifest_sha256=hashlib.sha256(manifest).hexdigest(),
            published=datetime.now(UTC).isoformat(timespec="seconds"),
            history=self._history() if expected else [],
        )
        try:
            if expected is None:
                self.store.create(self.layout.pointer, pointer.to_json())
            else:
                self.store.replace(self.layout.pointer, pointer.to_json(), expected)
        except LostRace as cause:
            raise LostRace(
                f"index {self.name!r} in {self.store.url} was published by somebody else "
                f"meanwhile; version {version} is uploaded but not current; "
                "run again to publish on top of theirs"
            ) from cause
        return pointer

    def _history(self) -> list[tuple[str, str]]:
        try:
            return self.pointer()[0].past()
        except IndexUnavailable:
            return []

    # Manifests

    def published_manifest(self, pointer: Pointer) -> bytes:
        """Return the text of the manifest that `pointer` names, exactly as it was published.

        Raises:
            IndexUnavailable: it is missing, or another one.
            StoreError: the store fails.
        """
        path = self.layout.file(pointer.version, IndexFiles.MANIFEST)
        try:
            data, _ = self.store.get(path)
        except ObjectNotFound as cause:
            raise IndexUnavailable(
                f"{self.location(path)} is missing; roll back, or index again"
            ) from cause
        if hashlib.sha256(data).hexdigest() != pointer.manifest_sha256:
            raise IndexUnavailable(
                f"{self.location(path)} is not the one published; roll back, or index again"
            )
        return data

    def manifests(self) -> list[IndexManifest]:
        """Return the manifests of all complete versions, newest first; damaged ones are left out.

        Raises:
            StoreError: the store can't be read.
        """
        ending = f"/{IndexFiles.MANIFEST}"
        paths = [each.path for each in self.store.list(self.layout.versions)]
        wanted = [path for path in paths if path.endswith(ending) and path.count("/") == 4]
        with ThreadPoolExecutor(PARALLEL) as pool:
            found = [manifest for manifest in pool.map(self._manifest_at, wanted) if manifest]
        return sorted(found, key=lambda manifest: manifest.version, reverse=True)

    def newest_good(self) -> IndexManifest | None:
        """Return the manifest of the newest version that passed its gates, if there is one."""
        return next((each for each in self.manifests() if not each.failures), None)

    def _manifest_at(self, path: str) -> IndexManifest | None:
        try:
            return IndexManifest.parse(self.store.get(path)[0], self.location(path))
        except (ObjectNotFound, IndexUnavailable):
            return None

    # Files of a version

    def read(self, version: str, name: str) -> bytes:
        """Return one small file of a version.

        Raises:
            ObjectNotFound: the version has no such file.
            StoreError: the store fails.
        """
        return self.store.get(self.layout.file(version, name))[0]

    def check_complete(self, manifest: IndexManifest) -> dict[str, StoredObject]:
        """Return the stored objects of a version by file name.

        Raises:
            IndexUnavailable: a file is missing or has another size than the manifest says.
        """
        root = self.layout.version(manifest.version)
        found = {each.path.removeprefix(f"{root}/"): each for each in self.store.list(root)}
        wrong = [
            name
            for name, entry in manifest.files.items()
            if name not in found or found[name].size != entry.bytes
        ]
        if wrong:
            raise IndexUnavailable(
                f"version {manifest.version} is damaged: {', '.join(wrong)} missing or incomplete"
            )
        return found

    def note_etags(self, version: str, etags: Mapping[str, str]) -> None:
        """Record the ETags that the files of a version have while they are known to be good."""
        path = self.layout.file(version, IndexFiles.ETAGS)
        self.store.put(path, (json.dumps(etags, indent=1) + "\n").encode())

    def is_as_uploaded(self, manifest: IndexManifest, found: Mapping[str, StoredObject]) -> bool:
        """Tell whether the objects `found` still have the ETags that were recorded."""
        try:
            known = json.loads(self.read(manifest.version, IndexFiles.ETAGS))
            # Azure quotes an ETag in one answer and not in another.
            return all(
                known[name].strip('"') == found[name].etag.strip('"') for name in manifest.files
            )
        except (ObjectNotFound, ValueError, KeyError, TypeError, AttributeError):
            return False

    def delete(self, version: str) -> None:
        """Delete all files of a version.

        Raises:
            StoreError: the store fails.
        """
        root = self.layout.version(version)
        self.store.delete(each.path for each in self.store.list(root))


def index_names(store: Store) -> list[str]:
    """Return the names of the published indexes of a store, sorted."""
    names = (index_of_pointer(each.path) for each in store.list(INDEXES))
    return sorted(name for name in names if name)
