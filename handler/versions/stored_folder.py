"""A folder of a store: the store's operations, with names relative to the folder."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from handler.storage.store import Store, StoredObject


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """The objects of `store` below `path`. Each method raises what the store's own raises."""

    store: Store
    path: str

    @property
    def url(self) -> str:
        """URL of the folder, for people."""
        return f"{self.store.url}/{self.path}"

    @property
    def local(self) -> Path | None:
        """The folder on this machine, if the store is one."""
        return self.store.local and self.store.local / self.path

    def folder(self, name: str) -> Self:
        """Return a folder inside this one."""
        return replace(self, path=f"{self.path}/{name}")

    def head(self, name: str) -> StoredObject:
        """Return size and ETag of an object."""
        return self.store.head(f"{self.path}/{name}")

    def list(self) -> Sequence[StoredObject]:
        """Return all objects in the folder and below, with relative paths, sorted by path."""
        start = len(self.path) + 1
        return [replace(each, path=each.path[start:]) for each in self.store.list(self.path)]

    def get(self, name: str) -> tuple[bytes, str]:
        """Return body and ETag of an object."""
        return self.store.get(f"{self.path}/{name}")

    def get_if_changed(self, name: str, etag: str | None) -> tuple[bytes, str] | None:
        """Return body and ETag of an object, or None while it has this `etag`."""
        return self.store.get_if_changed(f"{self.path}/{name}", etag)

    def put(self, name: str, data: bytes | Path) -> str:
        """Write an object and return its ETag."""
        return self.store.put(f"{self.path}/{name}", data)

    def create(self, name: str, data: bytes) -> str:
        """Write an object that does not exist yet, and return its ETag."""
        return self.store.create(f"{self.path}/{name}", data)

    def replace(self, name: str, data: bytes, etag: str) -> str:
        """Overwrite the object that has this `etag`, and return the new one."""
        return self.store.replace(f"{self.path}/{name}", data, etag)

    def download(self, name: str, to: Path, *, size: int) -> None:
        """Copy an object of `size` bytes to the file `to`."""
        self.store.download(f"{self.path}/{name}", to, size=size)

    def get_range(self, name: str, start: int, end: int) -> bytes:
        """Return the bytes of an object from `start` to `end`."""
        return self.store.get_range(f"{self.path}/{name}", start, end)

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; those that do not exist are skipped."""
        self.store.delete(f"{self.path}/{name}" for name in names)

    def clear(self) -> None:
        """Delete everything in the folder."""
        self.delete(each.path for each in self.list())
        if self.local:  # no listing shows the file that a killed process was writing
            shutil.rmtree(self.local, ignore_errors=True)
