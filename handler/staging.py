"""Folders that appear whole or not at all, and that a killed process does not leave behind.

A process holds a shared lock on each folder that it uses. The kernel drops the lock when the
process dies, so a folder without a lock is not in use and can be removed.
"""

import fcntl
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

SCRATCH = "querytower-run-"
PART_NAME = re.compile(r"\..+\.part-[a-z0-9_]{8}")
SCRATCH_NAME = re.compile(rf"{SCRATCH}[a-z0-9_]{{8}}")


class Hold:
    """A shared lock on a folder, until `release` or the end of this object."""

    def __init__(self, descriptor: int) -> None:
        """Take over the descriptor of a locked folder."""
        self._close = weakref.finalize(self, os.close, descriptor)

    def release(self) -> None:
        """Give the folder up; others may remove it then."""
        self._close()


def hold(folder: Path) -> Hold | None:
    """Hold a folder, or return None if it does not exist.

    Raises:
        OSError: the folder can't be opened, or its file system has no locks.
    """
    descriptor = _locked(folder, fcntl.LOCK_SH)
    return None if descriptor is None else Hold(descriptor)


def remove_unused(folder: Path) -> bool:
    """Remove a folder unless a process holds it; tell whether it was removed."""
    try:
        descriptor = _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # it is in use, or is not ours to remove
        return False
    if descriptor is None:
        return False
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
    return True


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Yield a new folder beside `target`, which becomes `target` if the block succeeds.

    If another process has made `target` by then, that one stays. What killed processes left in the
    same place, on the way to this or to other targets, is removed first.

    Raises:
        OSError: the folder can't be made or renamed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_all_unused(target.parent, PART_NAME)
    with _new_folder(target.parent, f".{target.name}.part-") as part:
        yield part
        try:
            part.rename(target)
        except OSError:
            if not target.is_dir():
                raise


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a temporary folder; those of killed processes are removed first.

    Raises:
        OSError: the folder can't be made.
    """
    parent = Path(tempfile.gettempdir())
    _remove_all_unused(parent, SCRATCH_NAME)
    with _new_folder(parent, SCRATCH) as folder:
        yield folder


class HeldFolder:
    """A new folder that goes with this object; that of a killed process goes with the next one."""

    def __init__(self, parent: Path) -> None:
        """Make it inside `parent`.

        Raises:
            OSError: it can't be made.
        """
        parent.mkdir(parents=True, exist_ok=True)
        _remove_all_unused(parent, PART_NAME)
        stack = ExitStack()
        self.path = stack.enter_context(_new_folder(parent, ".blocks.part-"))
        weakref.finalize(self, stack.close)


@contextmanager
def _new_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new folder, held, and remove it at the end if it still has its name."""
    held = None
    while held is None:  # another process may remove the folder before it is held
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        held = hold(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        held.release()


def _remove_all_unused(parent: Path, name: re.Pattern[str]) -> None:
    for path in parent.iterdir():
        if name.fullmatch(path.name):
            remove_unused(path)


def _locked(folder: Path, mode: int) -> int | None:
    """Return the descriptor of a folder with a lock, or None if the folder is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, mode)
        # While this process waited, another may have removed the folder, and made a new one.
        if os.path.samestat(os.fstat(descriptor), os.lstat(folder)):
            return descriptor
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
