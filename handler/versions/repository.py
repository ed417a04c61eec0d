"""One index in a store: its versions, the pointer to the published one, and their notes."""

import hashlib
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from handler.errors import IndexUnavailable, LostRace, ObjectNotFound
from handler.index.manifest import IndexFiles, IndexManifest
from handler.storage.store import Store
from handler.stored_json import shortened
from handler.versions.attempts import Attempts
from handler.versions.layout import INDEXES, Layout
from handler.versions.names import check_name, index_names
from handler.versions.pointer import Pointer
from handler.versions.stored_folder import StoredFolder
from handler.versions.stored_version import StoredVersion
from handler.versions.transfer import PARALLEL, upload_version


@dataclass(frozen=True, slots=True)
class IndexRepository:
    """The one owner of a stored index. All paths of the index start here.

    Raises:
        StoreError: `name` can't name an index.
    """

    store: Store
    name: str = "default"

    def __post_init__(self) -> None:
        check_name(self.name)

    @classmethod
    def open(cls, url: str, name: str = "default", *, timeout: float = 10.0) -> Self:
        """Return the index `name` in the store at `url`; nothing is contacted or created yet.

        Raises:
            StoreError: the URL or the name can't be used.
        """
        return cls(Store.open(url, timeout=timeout), name)

    @property
    def folder(self) -> StoredFolder:
        """Everything that belongs to the index."""
        return StoredFolder(self.store, f"{INDEXES}/{self.name}")

    @property
    def golden(self) -> StoredFolder:
        """Queries that watch over the index, with or without judgments."""
        return self.folder.folder(Layout.GOLDEN)

    @property
    def work(self) -> StoredFolder:
        """Slices of the corpus for workers, and their vectors; interrupted runs leave some."""
        return self.folder.folder(Layout.WORK)

    @property
    def versions_folder(self) -> StoredFolder:
        """All versions, whole or not."""
        return self.folder.folder(Layout.VERSIONS)

    @property
    def files(self) -> StoredFolder:
        """The files of all versions, each under its sha256."""
        return self.folder.folder(Layout.FILES)

    @property
    def attempts(self) -> Attempts:
        """Notes about runs that led to no new version."""
        return Attempts(self.folder)

    # The pointer

    def pointer(self) -> tuple[Pointer, str]:
        """Return the pointer and its ETag.

        Raises:
            IndexUnavailable: the store has no such index, or its pointer can't be read.
            StoreError: the store can't be read.
        """
        found = self.pointer_file()
        if found is None:
            known = ", ".join(index_names(self.store)) or "none"
            url = self.store.url
            raise IndexUnavailable(
                f"{url} has no index {self.name!r} (indexes there: {known}); "
                f"make it with: querytower index CORPUS --to {url} --name {self.name}"
            )
        return Pointer.parse(found[0], self.pointer_url), found[1]

    def pointer_if_changed(self, etag: str | None) -> tuple[Pointer, str] | None:
        """Return the pointer and its ETag, or None while it still has this `etag`.

        Raises:
            IndexUnavailable: the pointer can't be read.
            StoreError: the store can't be read; ObjectNotFound if there is no pointer.
        """
        changed = self.folder.get_if_changed(Layout.POINTER, etag)
        return changed and (Pointer.parse(changed[0], self.pointer_url), changed[1])

    def pointer_etag(self) -> str | None:
        """Return the ETag of the pointer, which may be damaged, or None if there is no pointer.

        Raises:
            StoreError: the store can't be read.
        """
        found = self.pointer_file()
        return found[1] if found else None

    def pointer_file(self) -> tuple[bytes, str] | None:
        """Return text and ETag of the pointer, or None if there is no pointer.

        Raises:
            StoreError: the store can't be read.
        """
        try:
            return self.folder.get(Layout.POINTER)
        except ObjectNotFound:
            return None

    @property
    def pointer_url(self) -> str:
        """URL of the pointer, for people."""
        return f"{self.folder.url}/{Layout.POINTER}"

    def publish(self, version: str, expected: str | None) -> Pointer:
        """Point to an uploaded version, if the pointer still has the ETag `expected`.

        `expected` is None where there must be no pointer yet.

        Raises:
            LostRace: somebody else published meanwhile; the pointer is theirs.
            StoreError: the store fails.
        """
        manifest, _ = self.version_folder(version).get(IndexFiles.MANIFEST)
        pointer = Pointer.to(version, manifest, self._pointer_before() if expected else None)
        try:
            if expected is None:
                self.folder.create(Layout.POINTER, pointer.to_json())
            else:
                self.folder.replace(Layout.POINTER, pointer.to_json(), expected)
        except LostRace as cause:
            raise LostRace(
                f"index {self.name!r} in {self.store.url} was published by somebody else "
                f"meanwhile; version {version} is uploaded but not current; "
                "run again to publish on top of theirs"
            ) from cause
        return pointer

    def _pointer_before(self) -> Pointer | None:
        try:
            return self.pointer()[0]
        except IndexUnavailable:
            return None

    # The versions

    def version_folder(self, version: str) -> StoredFolder:
        """Return the folder of one version."""
        return self.versions_folder.folder(version)

    def versions(self) -> list[StoredVersion]:
        """Return all versions that have a manifest this querytower can read, the newest first.

        Raises:
            StoreError: the store can't be read.
        """
        names = [
            each.path.removesuffix(f"/{IndexFiles.MANIFEST}")
            for each in self.versions_folder.list()
            if each.path.endswith(f"/{IndexFiles.MANIFEST}") and each.path.count("/") == 1
        ]
        with ThreadPoolExecutor(PARALLEL) as pool:
            found = [version for version in pool.map(self._version, names) if version]
        return sorted(found, key=lambda version: version.name, reverse=True)

    def _version(self, name: str) -> StoredVersion | None:
        folder = self.version_folder(name)
        try:
            data, _ = folder.get(IndexFiles.MANIFEST)
            return StoredVersion(folder, self.files, _manifest(data, folder, name))
        except (ObjectNotFound, IndexUnavailable):
            return None

    def published_manifest(self, pointer: Pointer) -> tuple[IndexManifest, bytes]:
        """Return the manifest of the version that `pointer` names, and its text.

        Raises:
            IndexUnavailable: the manifest is missing or damaged, or is not the published one.
            StoreError: the store can't be read.
        """
        folder = self.version_folder(pointer.version)
        origin = f"{folder.url}/{IndexFiles.MANIFEST}"
        try:
            data, _ = folder.get(IndexFiles.MANIFEST)
        except ObjectNotFound as cause:
            raise IndexUnavailable(f"{origin} is missing; roll back, or index again") from cause
        if hashlib.sha256(data).hexdigest() != pointer.manifest_sha256:
            raise IndexUnavailable(f"{origin} is not the one published; roll back, or index again")
        return _manifest(data, folder, pointer.version), data

    def upload(
        self,
        folder: Path,
        manifest: IndexManifest,
        *,
        shared: Collection[str] = (),
        on_file: Callable[[str], None] | None = None,
        reports: Iterable[Path] = (),
    ) -> None:
        """Upload a finished version from a local `folder`; see `upload_version`."""
        upload_version(
            self.files,
            self.version_folder(manifest.version),
            folder,
            manifest,
            shared=shared,
            on_file=on_file,
            reports=reports,
        )


def _manifest(data: bytes, folder: StoredFolder, version: str) -> IndexManifest:
    """Read the manifest of `version`, or raise IndexUnavailable."""
    origin = f"{folder.url}/{IndexFiles.MANIFEST}"
    manifest = IndexManifest.parse(data, origin)
    if manifest.version != version:
        raise IndexUnavailable(
            f"{origin} is the manifest of version {shortened(manifest.version)}; "
            "roll back, or index again"
        )
    return manifest
