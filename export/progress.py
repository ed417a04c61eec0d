"""Report a download's progress by watching the folder that it fills."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

Progress = Callable[[str, int, int | None], None]
"""Called with the stage at work, the bytes done, and the bytes in all where they are known."""

DOWNLOAD = "download"
_INTERVAL = 0.1


def silent(_stage: str, _done: int, _total: int | None) -> None:
    """Report to nobody."""


@contextmanager
def watching(folder: Path, total: int | None, progress: Progress) -> Iterator[None]:
    """Call `progress` ten times a second with the bytes in `folder`, until the block ends."""
    done = Event()

    def watch() -> None:
        while not done.wait(_INTERVAL):
            progress(DOWNLOAD, _size(folder), total)

    progress(DOWNLOAD, 0, total)
    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    progress(DOWNLOAD, total or _size(folder), total)


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # files are renamed while we look
            size += path.stat().st_size
    return size
