"""Writing into a folder that several processes use as an object store at the same time.

obstore can't compare and swap in a folder, and does not force its writes to the disk.
"""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import obstore
from obstore.store import LocalStore

from handler.errors import LostRace, StoreError
from handler.storage.failures import LOST

LOCK = ".querytower.lock"


@contextmanager
def staged(target: Path) -> Iterator[BinaryIO]:
    """Yield a new file beside `target`, to be moved there; it is gone afterwards in any case.

    The file is locked while it is written, and the lock ends with the process: a file without one
    was abandoned.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    file = _open_part(target)
    try:
        with file:
            yield file
    finally:
        Path(file.name).unlink(missing_ok=True)


def _open_part(target: Path) -> BinaryIO:
    while True:
        # obstore lists no name of this form.
        part = target.with_name(f"{target.name}#{int.from_bytes(os.urandom(8))}")
        file = part.open("xb")
        fcntl.flock(file, fcntl.LOCK_SH)
        if part.exists():  # nobody has removed it before it was locked
            return file
        file.close()


def _remove_abandoned(folder: Path) -> None:
    """Remove the files that killed processes were writing into a folder."""
    for path in folder.glob("*#*"):
        if re.search(r"#\d+$", path.name):
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def write(
    root: Path, path: str, data: bytes | Path, allowed: Callable[[str | None], bool], timeout: float
) -> str:
    """Write an object durably if its ETag (None: no object) is `allowed`; return the new one.

    Raises:
        LostRace: it is not allowed; nothing was written.
        StoreError: the folder was not free within `timeout` seconds.
        OSError: the disk refuses.
    """
    target = root / path
    _remove_abandoned(target.parent)
    with staged(target) as file:
        if isinstance(data, Path):
            with data.open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
        else:
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
        with _lock(root, timeout):
            if not allowed(_etag(root, path)):
                raise LostRace(f"{target}: {LOST}")
            _date_after(file, target)
            Path(file.name).replace(target)
            _sync(target.parent)
            return str(_etag(root, path))


@contextmanager
def _lock(root: Path, timeout: float) -> Iterator[None]:
    with (root / LOCK).open("ab") as file:
        end = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise StoreError(
                        f"{root}: another process has kept {LOCK} for {timeout:g} s; "
                        "end it and try again"
                    ) from None
                time.sleep(0.005)
        yield


def _etag(root: Path, path: str) -> str | None:
    try:
        return obstore.head(LocalStore(root), path)["e_tag"]
    except FileNotFoundError:
        return None


def _date_after(file: BinaryIO, old: Path) -> None:
    """Date a file after the one that it replaces.

    obstore's ETag is inode, microseconds and size; two quick writes may reuse an inode in one tick.
    """
    with suppress(FileNotFoundError):
        time_ns = max(os.fstat(file.fileno()).st_mtime_ns, old.stat().st_mtime_ns + 1000)
        os.utime(file.fileno(), ns=(time_ns, time_ns))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
