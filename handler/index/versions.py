"""Index versions in a store: upload, publish by compare-and-swap, and fetch into a local cache."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Semaphore
from typing import Self

from handler.bundle import INDEX_FORMAT, IndexFiles, IndexManifest
from handler.errors import IndexUnavailable, LostRace, ObjectNotFound, StoreError
from handler.store.store import Store

PARALLEL = 8
REMEMBERED = 20


@dataclass(frozen=True, slots=True)
class Pointer:
    """Contents of current.json: the published version, the sha256 of its manifest, and since when (UTC).

    `history` has the versions that were current before, with the times at which they became so, oldest first.
    """

    version: str
    manifest_sha256: str
    published: str
    history: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def parse(cls, data: bytes, origin: str) -> Self:
        """Read the text of a pointer that was found at `origin`.

        Raises:
            IndexUnavailable: it is none, or has a newer format.
        """
        try:
            raw = json.loads(data)
            newer = raw.pop("format") > INDEX_FORMAT
            raw["history"] = [(version, since) for version, since in raw.get("history", [])]
            pointer = cls(**raw) if not newer else None
        except (ValueError, KeyError, TypeError, AttributeError) as cause:
            raise IndexUnavailable(f"{origin} is no pointer to an index version: {cause}; index again") from cause
        if pointer is None:
            raise IndexUnavailable(f"{origin} was written by a newer querytower; update querytower")
        if not (isinstance(pointer.version, str) and pointer.version.replace("-", "").isalnum()):
            raise IndexUnavailable(f"{origin} names a version that is no name: {pointer.version!r}; index again")
        return pointer


def check_name(name: str) -> None:
    """Raise StoreError unless `name` can name an index: letters, digits, - and _, 64 at most."""
    if not (0 < len(name) <= 64 and name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
        raise StoreError(f"{name!r} can't name an index; use up to 64 letters, digits, - and _")


def read_pointer(store: Store, name: str) -> tuple[Pointer, str]:
    """Return the pointer of index `name` and its ETag.

    Raises:
        IndexUnavailable: the store has no index of this name.
    """
    path = IndexFiles.current(name)
    try:
        data, etag = store.get(path)
    except ObjectNotFound as cause:
        known = ", ".join(index_names(store)) or "none"
        raise IndexUnavailable(
            f"{store.url} has no index {name!r} (indexes there: {known}); "
            f"make it with: querytower index CORPUS --to {store.url} --name {name}"
        ) from cause
    return Pointer.parse(data, f"{store.url}/{path}"), etag


def index_names(store: Store) -> list[str]:
    """Return the names of the published indexes of a store, sorted."""
    paths = (each.path.split("/") for each in store.list("indexes"))
    return sorted(parts[1] for parts in paths if len(parts) == 3 and parts[2] == "current.json")


def upload(
    store: Store,
    folder: Path,
    manifest: IndexManifest,
    on_file: Callable[[str], None] | None = None,
    reports: Iterable[Path] = (),
) -> None:
    """Copy a finished version from `folder` into the store, with the files of `reports` beside it, its manifest last.

    The ETags that the store gave to the files go beside it too: they tell later whether one was written over.
    Whatever interrupts it, the version can't be seen: nothing is without a manifest. What was copied so far
    is removed where that is possible.
    """
    root = IndexFiles.version(manifest.name, manifest.version)
    files = {name: folder / name for name in manifest.files} | {path.name: path for path in reports}
    etags, ended, slots = {}, Event(), Semaphore(PARALLEL)

    def put(name: str) -> tuple[str, str]:
        with slots:
            return name, "" if ended.is_set() else store.put(f"{root}/{name}", files[name])

    try:
        with ThreadPoolExecutor(PARALLEL) as pool:
            for name, etag in pool.map(put, files):
                etags[name] = etag
                if on_file:
                    on_file(name)
        note_etags(store, root, etags)
        store.put(f"{root}/{IndexFiles.MANIFEST}", folder / IndexFiles.MANIFEST)
    except BaseException:
        ended.set()
        # A pool that is interrupted while it starts a thread doesn't wait for that one.
        for _ in range(PARALLEL):
            slots.acquire()
        slots.release(PARALLEL)
        with suppress(StoreError):
            store.delete(each.path for each in store.list(root))
        raise


def note_etags(store: Store, root: str, etags: Mapping[str, str]) -> None:
    """Write down which ETags the files of the version in the folder `root` have when they are as they should be."""
    store.put(f"{root}/{IndexFiles.ETAGS}", (json.dumps(etags, indent=1) + "\n").encode())


def manifest_text(store: Store, name: str, pointer: Pointer) -> bytes:
    """Return the manifest of the version that `pointer` names, as it was published.

    Raises:
        IndexUnavailable: it is missing, or another one.
        StoreError: the store fails.
    """
    path = f"{IndexFiles.version(name, pointer.version)}/{IndexFiles.MANIFEST}"
    try:
        data, _ = store.get(path)
    except ObjectNotFound as cause:
        raise IndexUnavailable(f"{store.url}/{path} is missing; roll back, or index again") from cause
    if hashlib.sha256(data).hexdigest() != pointer.manifest_sha256:
        raise IndexUnavailable(f"{store.url}/{path} is not the one published; roll back, or index again")
    return data


def publish(store: Store, name: str, version: str, expected: str | None) -> Pointer:
    """Point index `name` to an uploaded version, if the pointer still has the ETag `expected` (None: no pointer).

    Raises:
        LostRace: somebody else published meanwhile; the pointer is theirs.
    """
    manifest, _ = store.get(f"{IndexFiles.version(name, version)}/{IndexFiles.MANIFEST}")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    history = _history(store, name) if expected else []
    pointer = Pointer(version, hashlib.sha256(manifest).hexdigest(), now, history)
    data = (json.dumps({"format": INDEX_FORMAT, **asdict(pointer)}, indent=2) + "\n").encode()
    path = IndexFiles.current(name)
    try:
        if expected is None:
            store.create(path, data)
        else:
            store.replace(path, data, expected)
    except LostRace as cause:
        raise LostRace(
            f"index {name!r} in {store.url} was published by somebody else meanwhile; "
            f"version {version} is uploaded but not current; run again to publish on top of theirs"
        ) from cause
    return pointer


def _history(store: Store, name: str) -> list[tuple[str, str]]:
    try:
        old, _ = read_pointer(store, name)
    except IndexUnavailable:
        return []
    return [*old.history, (old.version, old.published)][-REMEMBERED:]


def fetch(store: Store, name: str, pointer: Pointer, cache: Path) -> Path:
    """Return a local folder with the files of the version that `pointer` names.

    A folder store is read in place. Otherwise files are downloaded in parallel into `cache`, unless they
    are there already; the folder appears when all have arrived. Sizes are checked here, and sha256 when
    the version is opened.

    Raises:
        IndexUnavailable: the manifest is missing or not the one published.
        StoreError: the store fails meanwhile.
    """
    root = IndexFiles.version(name, pointer.version)
    data = manifest_text(store, name, pointer)
    if store.local:
        return store.local / root
    target = cache / hashlib.sha256(f"{store.url}/{name}".encode()).hexdigest()[:16] / pointer.version
    manifest = IndexManifest.parse(data, f"{store.url}/{root}")
    if not (target / IndexFiles.MANIFEST).exists():
        download_version(store, root, manifest, data, target)
    return target


def download_version(store: Store, root: str, manifest: IndexManifest, data: bytes, target: Path) -> None:
    """Download the files of `manifest`, and that itself as `data`, into the folder `target`, which appears whole.

    Raises:
        StoreError: the store fails, or the disk.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    except OSError as cause:
        raise StoreError(f"{target.parent} can't be written: {cause.strerror}; set QUERYTOWER_CACHE") from cause
    try:
        for name in manifest.files:
            (part / name).parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(PARALLEL) as pool:
            copies = [
                pool.submit(store.download, f"{root}/{name}", part / name, size=entry.bytes)
                for name, entry in manifest.files.items()
            ]
        for copy in copies:
            copy.result()
        (part / IndexFiles.MANIFEST).write_bytes(data)
        part.rename(target)
    except OSError as cause:
        # Another process may have been faster; its folder is as good.
        if not (target / IndexFiles.MANIFEST).exists():
            raise StoreError(
                f"{part} can't be written: {cause.strerror}; free space or set QUERYTOWER_CACHE"
            ) from cause
    finally:
        shutil.rmtree(part, ignore_errors=True)
