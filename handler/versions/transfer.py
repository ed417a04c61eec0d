"""Index versions between a store and a local folder: upload, and download into a cache."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Semaphore

from handler.errors import StoreError
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles, IndexManifest
from handler.versions.pointer import Pointer
from handler.versions.repository import PARALLEL, IndexRepository

GRAPH_FILES = (IndexFiles.GRAPH, IndexFiles.KEYS)


def upload(
    repository: IndexRepository,
    folder: Path,
    manifest: IndexManifest,
    on_file: Callable[[str], None] | None = None,
    reports: Iterable[Path] = (),
) -> None:
    """Copy a finished version from `folder` into the store, its manifest last.

    The files of `reports` and the ETags that the store gave to the files go beside it: the ETags
    tell later whether a file was overwritten. A version without a manifest is invisible, whatever
    interrupts the upload. What was copied by then is removed where that is possible.

    Args:
        repository: where the version goes.
        folder: holds every file that `manifest` names.
        manifest: of the version.
        on_file: called with the name of each file that was copied.
        reports: further files.

    Raises:
        StoreError: the store fails.
    """
    files = {name: folder / name for name in manifest.files}
    files |= {path.name: path for path in reports}
    layout, store, version = repository.layout, repository.store, manifest.version
    etags, ended, slots = {}, Event(), Semaphore(PARALLEL)

    def put(name: str) -> tuple[str, str]:
        with slots:
            path = layout.file(version, name)
            return name, "" if ended.is_set() else store.put(path, files[name])

    try:
        with ThreadPoolExecutor(PARALLEL) as pool:
            for name, etag in pool.map(put, files):
                etags[name] = etag
                if on_file:
                    on_file(name)
        repository.note_etags(version, etags)
        store.put(layout.file(version, IndexFiles.MANIFEST), folder / IndexFiles.MANIFEST)
    except BaseException:
        ended.set()
        # A pool that is interrupted while it starts a thread doesn't wait for that one.
        for _ in range(PARALLEL):
            slots.acquire()
        slots.release(PARALLEL)
        with suppress(StoreError):
            repository.delete(version)
        raise


def fetch(repository: IndexRepository, pointer: Pointer, cache: Path) -> Path:
    """Return a local folder with the files of the version that `pointer` names.

    A folder store is read in place. Otherwise files are downloaded in parallel into `cache`,
    unless they are there already. Sizes are checked here, and sha256 when the version is opened.

    Raises:
        IndexUnavailable: the manifest is missing or not the one published.
        StoreError: the store fails meanwhile.
    """
    store, root = repository.store, repository.layout.version(pointer.version)
    data = repository.published_manifest(pointer)
    if store.local:
        return store.local / root
    manifest = IndexManifest.parse(data, repository.location(root))
    target = cache_folder(repository, cache) / pointer.version
    if not (target / IndexFiles.MANIFEST).exists():
        download(repository, manifest, data, target)
    return target


def cache_folder(repository: IndexRepository, cache: Path) -> Path:
    """Return the folder of an index inside the cache, which several stores may share."""
    key = f"{repository.store.url}/{repository.name}"
    return cache / hashlib.sha256(key.encode()).hexdigest()[:16]


def open_version(
    repository: IndexRepository, manifest: IndexManifest, scratch: Path, *, graph: bool = False
) -> tuple[IndexVersion, Path]:
    """Open any version, without its graph unless `graph`, and return it with its folder.

    The version of a folder store is opened in place.

    Raises:
        IndexUnavailable: it is incomplete or was altered.
        StoreError: the store fails.
    """
    repository.check_complete(manifest)
    folder = scratch / manifest.version
    if repository.store.local:
        folder = repository.store.local / repository.layout.version(manifest.version)
    elif not (folder / IndexFiles.MANIFEST).exists():
        files = {
            name: entry
            for name, entry in manifest.files.items()
            if graph or name not in GRAPH_FILES
        }
        lean = replace(manifest, files=files)
        download(repository, lean, lean.to_json().encode(), folder)
    return IndexVersion.open(folder), folder


def download(
    repository: IndexRepository, manifest: IndexManifest, data: bytes, target: Path
) -> None:
    """Download a version into the folder `target`, which appears complete or not at all.

    Args:
        repository: where the version is.
        manifest: names the files to download.
        data: is written as the manifest.
        target: must not exist.

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
        _copy_files(repository, manifest, part)
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


def _copy_files(repository: IndexRepository, manifest: IndexManifest, to: Path) -> None:
    for name in manifest.files:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(PARALLEL) as pool:
        copies = []
        for name, entry in manifest.files.items():
            path = repository.layout.file(manifest.version, name)
            download_one = repository.store.download
            copies.append(pool.submit(download_one, path, to / name, size=entry.bytes))
    for copy in copies:
        copy.result()
