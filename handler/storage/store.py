"""Object storage behind one interface: a folder, S3, Google Cloud Storage, Azure or memory."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Self

import obstore
from obstore.exceptions import InvalidPathError, NotModifiedError, PermissionDeniedError
from obstore.store import LocalStore, MemoryStore

from handler.errors import LostRace, ObjectNotFound, StoreError
from handler.storage import folder as store_folder
from handler.storage.connect import connect, folder_of
from handler.storage.failures import FAILURES, LOST, explain

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta, PutMode
    from obstore.store import ObjectStore

SMALL = 1 << 20
PART = 5 << 20
"""Bytes of one request of a large transfer."""
CONNECTIONS = 8
WHOLE = 512 << 20
"""Bytes that are read into memory at once. Only listings of objects and rejects have more than some MB."""
WRITER = "writer"
"""Metadata by which a writer knows its own object again when the first answer got lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """Path inside the store, size in bytes, ETag, which changes with the content, and its date."""

    path: str
    size: int
    etag: str
    modified: datetime

    @classmethod
    def of(cls, meta: "ObjectMeta") -> Self:
        """Return the object that obstore describes."""
        return cls(
            path=meta["path"],
            size=meta["size"],
            etag=str(meta["e_tag"]),
            modified=meta["last_modified"],
        )


@dataclass(frozen=True, kw_only=True)
class Store:
    """Objects below one URL, under relative paths with forward slashes. Threads may share a store.

    Every failure is a StoreError that names the object, the problem and the remedy. `local` is the
    folder if the store is one: its objects are plain files.
    `timeout` bounds each silence of a server, in seconds; a request has up to `retries` retries.
    """

    url: str
    local: Path | None
    timeout: float
    retries: int

    @classmethod
    def open(cls, url: str, *, timeout: float = 10.0, retries: int = 2) -> Self:
        """Open the store at a folder path or a file://, s3://, gs://, az:// or memory:// URL.

        Nothing is created or contacted yet; a folder appears with the first write. Credentials and
        endpoint come from the environment variables of the storage provider.
        """
        folder = folder_of(url)
        place = str(folder) if folder else url if url.endswith("://") else url.rstrip("/")
        store = cls(url=place, local=folder, timeout=timeout, retries=retries)
        if not folder:
            with store._explained(""):
                _ = store._bucket  # a faulty configuration shows now
        return store

    def get(self, path: str) -> tuple[bytes, str]:
        """Return body and ETag of an object, or raise ObjectNotFound."""
        return self._get(path, {})

    def get_if_changed(self, path: str, etag: str | None) -> tuple[bytes, str] | None:
        """Return body and ETag, or None without a transfer while the object has this `etag`."""
        try:
            return self._get(path, {"if_none_match": etag} if etag else {})
        except NotModifiedError:
            return None

    def head(self, path: str) -> StoredObject:
        """Return size and ETag of an object, or raise ObjectNotFound."""
        self._check(path)
        with self._explained(path), self._found(path):
            meta = obstore.head(self._objects, path)
        return StoredObject.of(meta)

    def download(self, path: str, to: Path, *, size: int, etag: str | None = None) -> None:
        """Copy an object of `size` bytes to the file `to`, a large one in parallel parts.

        `to` appears whole or not at all. With `etag`, an object replaced meanwhile raises LostRace.
        """
        from concurrent.futures import ThreadPoolExecutor

        self._check(path)
        starts = iter(range(0, size, PART) or [0])
        failed = Event()
        try:
            with store_folder.staged(to) as file:

                def copy() -> None:
                    """Copy parts until none is left, or until another thread fails."""
                    for start in starts:
                        if failed.is_set():
                            return
                        try:
                            part = self._get_part(path, start, size, etag)
                            _write_at(file.fileno(), start, part)
                        except BaseException:
                            failed.set()
                            raise

                with ThreadPoolExecutor(CONNECTIONS) as pool:
                    copies = [
                        pool.submit(copy) for _ in range(min(CONNECTIONS, -(-size // PART) or 1))
                    ]
                for each in copies:
                    each.result()
                Path(file.name).replace(to)
        except OSError as error:
            raise explain(error, str(to), local=True) from None

    def get_range(self, path: str, start: int, end: int) -> bytes:
        """Return the bytes of an object from `start` to `end`, or raise ObjectNotFound."""
        self._check(path)
        with self._explained(path), self._found(path):
            body = bytes(obstore.get_range(self._objects, path, start=start, end=end))
        if len(body) != end - start:
            raise StoreError(
                f"{self.url}/{path}: {len(body)} bytes instead of {end - start}; "
                "it is incomplete or was replaced"
            )
        return body

    def put(self, path: str, data: bytes | Path) -> str:
        """Write bytes or a local file, over whatever is there, and return the ETag."""
        if isinstance(data, Path) and not data.is_file():
            raise StoreError(
                f"{data}: no such file, so it can't become {self.url}/{path}; check its name"
            )
        if self.local:
            return self._write(self.local, path, data, lambda _: True)
        self._check(path)
        size = len(data) if isinstance(data, bytes) else data.stat().st_size
        client = self._bulk if size > SMALL else self._bucket
        with self._explained(path):
            return str(obstore.put(client, path, data, chunk_size=PART, max_concurrency=4)["e_tag"])

    def create(self, path: str, data: bytes) -> str:
        """Write an object that does not exist yet and return the ETag; LostRace if it does.

        After any other StoreError it is unknown whether the object was written.
        """
        if self.local:
            return self._write(self.local, path, data, lambda current: current is None)
        return self._put_if(path, data, "create")

    def replace(self, path: str, data: bytes, etag: str) -> str:
        """Replace the object that has this `etag` and return the new ETag; else raise LostRace.

        After any other StoreError it is unknown whether the object was written.
        """
        if self.local:
            return self._write(self.local, path, data, lambda current: current == etag)
        self._check(path)
        try:
            return self._put_if(path, data, self._only_if(path, etag))
        except ObjectNotFound:
            raise LostRace(f"{self.url}/{path}: {LOST}") from None

    def list(self, prefix: str = "", *, unreachable: bool = False) -> Sequence[StoredObject]:
        """Return all objects below the folder `prefix`, in the order of their paths.

        A bucket may have keys that are no paths: with empty parts, control characters or
        backslashes. They are left out unless `unreachable` is set: no other method takes them.
        """
        prefix = prefix.rstrip("/")
        if prefix:
            self._check(prefix)
        try:
            with self._explained(prefix):
                objects = self._listed(prefix)
        except ObjectNotFound:
            return []
        kept = (each for each in objects if unreachable or is_path(each.path))
        return sorted(
            (each for each in kept if each.path != store_folder.LOCK), key=lambda each: each.path
        )

    def _listed(self, prefix: str) -> Sequence[StoredObject]:
        try:
            found = [meta for chunk in obstore.list(self._objects, prefix) for meta in chunk]
        except InvalidPathError:
            if not self.url.startswith("s3:"):
                raise
            from handler.storage.s3_listing import list_keys

            found = [*list_keys(self.url, prefix, self.timeout)]
        return [StoredObject.of(meta) for meta in found]

    def delete(self, paths: Iterable[str]) -> None:
        """Delete objects; those that do not exist are passed over."""
        paths = [*paths]
        for path in paths:
            self._check(path)
        try:
            with self._explained(paths[0] if paths else ""):
                obstore.delete(self._objects, paths)
        except ObjectNotFound:  # some providers stop at the first that is gone
            for path in paths:
                with suppress(ObjectNotFound), self._explained(path):
                    obstore.delete(self._objects, path)

    @property
    def _objects(self) -> "ObjectStore":
        return LocalStore(self.local, automatic_cleanup=True) if self.local else self._bucket

    @cached_property
    def _bucket(self) -> "ObjectStore":
        return connect(self.url, self.timeout, self.retries)

    @cached_property
    def _bulk(self) -> "ObjectStore":
        if isinstance(self._bucket, MemoryStore):
            return self._bucket
        return connect(self.url, self.timeout, self.retries, bulk=True)

    def _check(self, path: str) -> None:
        if not is_path(path):
            raise StoreError(
                f"{self.url}: {path!r} is not a path inside the store; "
                "give one such as folder/name.json"
            )

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        try:
            yield
        except NotModifiedError:
            raise
        except FAILURES as error:
            raise explain(error, f"{self.url}/{path}".rstrip("/"), local=bool(self.local)) from None

    @contextmanager
    def _found(self, path: str) -> Iterator[None]:
        """Raise ObjectNotFound for a refusal where a listing shows that `path` is missing.

        S3 answers 403 instead of 404 for a missing object unless the caller may list the whole
        bucket, and a function may list its own folder only.
        """
        try:
            yield
        except PermissionDeniedError:
            if self.local or not self._is_missing(path):
                raise
            raise ObjectNotFound(f"{self.url}/{path}: does not exist; check URL and name") from None

    def _is_missing(self, path: str) -> bool:
        try:
            found = obstore.list_with_delimiter(self._objects, path.rpartition("/")[0])["objects"]
        except FAILURES:
            return False
        return all(meta["path"] != path for meta in found)

    def _get(self, path: str, options: "GetOptions") -> tuple[bytes, str]:
        self._check(path)
        with self._explained(path), self._found(path):
            result = obstore.get(self._objects, path, options=options)
            if result.meta["size"] <= WHOLE:
                return bytes(result.bytes()), str(result.meta["e_tag"])
        raise StoreError(
            f"{self.url}/{path}: {result.meta['size']:,} bytes are more than {WHOLE:,}, "
            "which no file of an index has; remove it or put the right one there"
        )

    def _get_part(self, path: str, start: int, size: int, etag: str | None) -> memoryview:
        end = min(start + PART, size)
        options: GetOptions = {"range": (start, end)} if size > PART else {}
        if etag:
            options["if_match"] = etag
        with self._explained(path):
            result = obstore.get(self._objects, path, options=options)
            body = memoryview(result.bytes())
        found = result.meta["size"]
        if (found, len(body)) != (size, end - start):
            raise StoreError(
                f"{self.url}/{path}: {found} bytes instead of {size}; "
                "it is incomplete or was replaced"
            )
        return body

    def _write(
        self, root: Path, path: str, data: bytes | Path, allowed: Callable[[str | None], bool]
    ) -> str:
        self._check(path)
        with self._explained(path):
            return store_folder.write(root, path, data, allowed, self.timeout)

    def _put_if(self, path: str, data: bytes, mode: "PutMode") -> str:
        self._check(path)
        writer = os.urandom(8).hex()
        try:
            with self._explained(path):
                new = obstore.put(
                    self._bucket,
                    path,
                    data,
                    mode=mode,
                    attributes={WRITER: writer},
                    use_multipart=False,
                )
                return str(new["e_tag"])
        except (
            LostRace
        ):  # perhaps against oneself: a request is repeated when its first answer got lost
            with suppress(ObjectNotFound), self._explained(path):
                found = obstore.get(self._bucket, path, options={"head": True})
                if found.attributes.get(WRITER) == writer:
                    return str(found.meta["e_tag"])
            raise

    def _only_if(self, path: str, etag: str) -> "PutMode":
        if not self.url.startswith("gs:"):
            return {"e_tag": etag}
        with self._explained(path):
            found = obstore.head(self._bucket, path)  # Google compares generations instead of ETags
        if found["e_tag"] != etag:
            raise LostRace(f"{self.url}/{path}: {LOST}")
        return {"e_tag": etag, "version": found["version"]}


def is_path(path: str) -> bool:
    """Tell whether a key is a relative path that every kind of store takes."""
    plain = not re.search(r"[\\\0-\x1f\x7f]|#\d+$", path)
    return plain and all(part not in ("", ".", "..") for part in path.split("/"))


def _write_at(descriptor: int, position: int, body: memoryview) -> None:
    while body:
        written = os.pwrite(descriptor, body, position)
        position, body = position + written, body[written:]
