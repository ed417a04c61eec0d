"""Report a download's progress by watching the folder that it fills."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from handler.progress import Progress

_INTERVAL = 0.1


@contextmanager
def watching(folder: Path, total: int | None, progress: Progress) -> Iterator[None]:
    """Report the bytes in `folder` as the stage "download", ten times a second, during the block.

    `total` is the number of bytes expected, None if it is unknown.
    """
    done = Event()

    def watch() -> None:
        while not done.wait(_INTERVAL):
            progress("download", _size(folder), total)

    progress("download", 0, total)
    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    progress("download", total or _size(folder), total)


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # files are renamed while we look
            size += path.stat().st_size
    return size
