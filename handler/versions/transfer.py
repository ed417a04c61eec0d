"""The files of one index version, copied between a folder of a store and a local one."""

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
from handler.versions.stored_folder import StoredFolder

PARALLEL = 8
"""Files that are copied at a time."""


def upload_version(
    stored: StoredFolder,
    folder: Path,
    manifest: IndexManifest,
    on_file: Callable[[str], None] | None = None,
    reports: Iterable[Path] = (),
) -> None:
    """Copy a finished version from `folder` into the folder `stored`, its manifest last.

    The files of `reports` and a note of all ETags go beside it; the ETags tell later whether
    a file was overwritten. `on_file` is told the name of each file that has arrived.
    An interrupted upload is never visible, because a version without a manifest does not count.
    It is removed where that is possible.

    Raises:
        StoreError: the store can't be written.
    """
    files = {name: folder / name for name in manifest.files} | {path.name: path for path in reports}
    etags, ended, slots = {}, Event(), Semaphore(PARALLEL)

    def put(name: str) -> tuple[str, str]:
        with slots:
            return name, "" if ended.is_set() else stored.put(name, files[name])

    try:
        with ThreadPoolExecutor(PARALLEL) as pool:
            for name, etag in pool.map(put, files):
                etags[name] = etag
                if on_file:
                    on_file(name)
        note_etags(stored, etags)
        stored.put(IndexFiles.MANIFEST, folder / IndexFiles.MANIFEST)
    except BaseException:
        ended.set()
        # A pool that is interrupted while it starts a thread doesn't wait for that thread.
        for _ in range(PARALLEL):
            slots.acquire()
        slots.release(PARALLEL)
        with suppress(StoreError):
            stored.clear()
        raise


def note_etags(stored: StoredFolder, etags: Mapping[str, str]) -> None:
    """Write down the ETags that the files of a version have while they are known to be good."""
    stored.put(IndexFiles.ETAGS, (json.dumps(etags, indent=1) + "\n").encode())


def download_version(
    stored: StoredFolder, manifest: IndexManifest, text: bytes, target: Path
) -> None:
    """Download the files of `manifest` into the folder `target`, and write `text` as its manifest.

    `target` appears when all files have arrived. Sizes are checked here, and checksums when the
    version is opened.

    Raises:
        StoreError: the store or the disk fails.
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
                pool.submit(stored.download, name, part / name, size=entry.bytes)
                for name, entry in manifest.files.items()
            ]
        for copy in copies:
            copy.result()
        (part / IndexFiles.MANIFEST).write_bytes(text)
        part.rename(target)
    except OSError as cause:
        # Another process may have been faster; its folder is as good.
        if not (target / IndexFiles.MANIFEST).exists():
            raise StoreError(
                f"{part} can't be written: {cause.strerror}; free space or set QUERYTOWER_CACHE"
            ) from cause
    finally:
        shutil.rmtree(part, ignore_errors=True)
