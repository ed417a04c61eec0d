"""Index versions between a store and a local folder: upload, and fetch into a cache."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event, Semaphore

from handler.errors import StoreError
from handler.index.manifest import IndexFiles, IndexManifest
from handler.storage.store import Store
from handler.versions.pointer import Pointer, manifest_text

PARALLEL = 8


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
    target = (
        cache / hashlib.sha256(f"{store.url}/{name}".encode()).hexdigest()[:16] / pointer.version
    )
    manifest = IndexManifest.parse(data, f"{store.url}/{root}")
    if not (target / IndexFiles.MANIFEST).exists():
        download_version(store, root, manifest, data, target)
    return target


def download_version(
    store: Store, root: str, manifest: IndexManifest, data: bytes, target: Path
) -> None:
    """Download the files of `manifest`, and that itself as `data`, into the folder `target`, which appears whole.

    Raises:
        StoreError: the store fails, or the disk.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    except OSError as cause:
        raise StoreError(
            f"{target.parent} can't be written: {cause.strerror}; set QUERYTOWER_CACHE"
        ) from cause
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
