"""The files of index versions, copied between a store and folders of this machine.

In the store, a file lies once under its sha256, however many versions name it.
"""

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event, Semaphore

from handler.errors import StoreError
from handler.files import FileEntry
from handler.index.manifest import IndexFiles, IndexManifest
from handler.staging import staged_folder
from handler.storage.store import StoredObject
from handler.versions.stored_folder import StoredFolder

PARALLEL = 8
"""Files that are copied at a time."""


def upload_version(
    files: StoredFolder,
    stored: StoredFolder,
    folder: Path,
    manifest: IndexManifest,
    *,
    shared: Collection[str] = (),
    on_file: Callable[[str], None] | None = None,
    reports: Iterable[Path] = (),
) -> None:
    """Copy a finished version from `folder` into a store, its manifest last.

    A note of all ETags goes beside the manifest; it tells later whether a file was overwritten.
    A version without a manifest does not count, so an interrupted upload is never visible. Its
    files stay until `prune` finds that no version names them.

    Args:
        files: the folder of the files of all versions.
        stored: the folder of this version.
        folder: where the version was made.
        manifest: its manifest.
        shared: sha256 of files that are in the store, and good, and stay there meanwhile.
        on_file: told the name of each file that has arrived.
        reports: files that go beside the manifest.

    Raises:
        StoreError: the store can't be written.
    """
    new = {
        name: entry.sha256 for name, entry in manifest.files.items() if entry.sha256 not in shared
    }
    reported = {path.name: path for path in reports}
    ended, slots = Event(), Semaphore(PARALLEL)

    def put(name: str) -> str:
        with slots:
            if ended.is_set():
                return name
            if name in reported:
                stored.put(name, reported[name])
            else:
                files.put(new[name], folder / name)
        return name

    def put_all(names: Iterable[str]) -> None:
        with ThreadPoolExecutor(PARALLEL) as pool:
            for name in pool.map(put, names):
                if on_file:
                    on_file(name)

    try:
        put_all([*new, *reported])
        found, _ = lookup(files, manifest.files)
        note_etags(stored, {name: each.etag for name, each in found.items()})
        stored.put(IndexFiles.MANIFEST, folder / IndexFiles.MANIFEST)
        # A prune may have removed an old file under the same name, just before the manifest came.
        _, wrong = lookup(files, manifest.files)
        put_all(name for name in wrong if name in new)
    except BaseException:
        ended.set()
        # A pool that is interrupted while it starts a thread doesn't wait for that thread.
        for _ in range(PARALLEL):
            slots.acquire()
        slots.release(PARALLEL)
        with suppress(StoreError):
            stored.clear()
        raise


def lookup(
    files: StoredFolder, entries: Mapping[str, FileEntry]
) -> tuple[dict[str, StoredObject], list[str]]:
    """Return the objects of a manifest's files by name, and the names missing or of another size.

    Raises:
        StoreError: the store can't be read.
    """
    there = {each.path: each for each in files.list()}
    found, wrong = {}, []
    for name, entry in entries.items():
        each = there.get(entry.sha256)
        if each is None or each.size != entry.bytes:
            wrong.append(name)
        else:
            found[name] = each
    return found, wrong


def note_etags(stored: StoredFolder, etags: Mapping[str, str]) -> None:
    """Write down the ETags that the files of a version have while they are known to be good."""
    stored.put(IndexFiles.ETAGS, (json.dumps(etags, indent=1) + "\n").encode())


def kept_files(folder: Path) -> dict[str, Path]:
    """Return the files of the versions in `folder`, which `fetch_version` made, by sha256."""
    found: dict[str, Path] = {}
    for path in folder.glob(f"[!.]*/{IndexFiles.MANIFEST}"):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            entries = json.loads(path.read_bytes())["files"]
            paths = {entry["sha256"]: path.parent / name for name, entry in entries.items()}
            found |= {sha256: each for sha256, each in paths.items() if each.exists()}
    return found


def fetch_version(
    files: StoredFolder,
    manifest: IndexManifest,
    text: bytes,
    target: Path,
    *,
    apart: Collection[str] = (),
    private: bool = False,
) -> int:
    """Make the folder `target` with the files of `manifest`, and write `text` as its manifest.

    A store that is a folder is linked to, or copied if `private`: a mapped file that somebody else
    cuts short ends the process. From any other, files are downloaded, unless a version beside
    `target` has them, or their names are among `apart`. Return the bytes downloaded or copied.
    `target` appears when all files have arrived. Sizes of downloads are
    checked here, and checksums when the version is opened.

    Raises:
        StoreError: the store or the disk fails.
    """
    here = {} if files.local else kept_files(target.parent)

    def fetch(part: Path, name: str, entry: FileEntry) -> int:
        if files.local and not private:
            (part / name).symlink_to(files.local / entry.sha256)
            return 0
        with suppress(KeyError, OSError):
            os.link(here[entry.sha256], part / name)
            return 0
        if name in apart:
            return 0
        try:
            files.download(entry.sha256, part / name, size=entry.bytes)
        except StoreError as cause:
            raise type(cause)(f"{name} of version {manifest.version}: {cause}") from cause
        return entry.bytes

    try:
        with staged_folder(target) as part:
            for name in manifest.files:
                (part / name).parent.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(PARALLEL) as pool:
                copies = [
                    pool.submit(fetch, part, name, entry) for name, entry in manifest.files.items()
                ]
            fetched = sum(copy.result() for copy in copies)
            (part / IndexFiles.MANIFEST).write_bytes(text)
            return fetched
    except OSError as cause:
        raise StoreError(
            f"{target.parent} can't be written: {cause.strerror}; free space or set "
            f"{'TMPDIR' if files.local else 'QUERYTOWER_CACHE'} to a folder with more"
        ) from cause
