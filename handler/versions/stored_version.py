"""One version of an index in a store: checked, read, and opened."""

from dataclasses import dataclass
from pathlib import Path

from handler.errors import IndexUnavailable, ObjectNotFound
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles, IndexManifest
from handler.storage.store import StoredObject
from handler.stored_json import Garbled, read_json
from handler.versions.stored_folder import StoredFolder
from handler.versions.transfer import fetch_version, lookup, note_etags


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version whose manifest is there; its files may be damaged.

    `folder` has the manifest and the reports, `files` the files of all versions.
    """

    folder: StoredFolder
    files: StoredFolder
    manifest: IndexManifest

    @property
    def name(self) -> str:
        """Name of the version."""
        return self.manifest.version

    def read(self, name: str) -> bytes | None:
        """Return the content of a file beside the version, or None if it is missing.

        Raises:
            StoreError: the store can't be read.
        """
        try:
            return self.folder.get(name)[0]
        except ObjectNotFound:
            return None

    def check_complete(self) -> dict[str, StoredObject]:
        """Return the version's files in the store by name.

        Raises:
            IndexUnavailable: a file is missing or has another size, or the format is another.
            StoreError: the store can't be read.
        """
        self.manifest.check_format(f"version {self.name}")
        found, wrong = lookup(self.files, self.manifest.files)
        if wrong:
            raise IndexUnavailable(
                f"version {self.name} is damaged: {', '.join(wrong)} missing or incomplete"
            )
        return found

    def is_as_uploaded(self) -> bool:
        """Tell whether all files are complete and have the ETags noted when they were good.

        Raises:
            IndexUnavailable: a file is missing or has another size.
            StoreError: the store can't be read.
        """
        found = self.check_complete()
        try:
            noted = read_json(dict[str, str], self.folder.get(IndexFiles.ETAGS)[0])
            # Azure quotes an ETag in one answer and not in another.
            return all(
                noted[name].strip('"') == found[name].etag.strip('"')
                for name in self.manifest.files
            )
        except (ObjectNotFound, Garbled, KeyError):
            return False

    def note_good(self) -> None:
        """Note that the files are good as they are now, so that the next run need not check again.

        Raises:
            IndexUnavailable: a file is missing or has another size.
            StoreError: the store fails.
        """
        found = self.check_complete()
        note_etags(self.folder, {name: each.etag for name, each in found.items()})

    def open(self, scratch: Path) -> IndexVersion:
        """Open the version.

        The files of a folder store are mapped in place. Any others are downloaded into `scratch`.

        Raises:
            IndexUnavailable: the version is incomplete or was altered.
            StoreError: the store fails.
        """
        self.check_complete()
        folder = scratch / self.name
        if not (folder / IndexFiles.MANIFEST).exists():
            fetch_version(self.files, self.manifest, self.manifest.to_json().encode(), folder)
        return IndexVersion.open(folder)
