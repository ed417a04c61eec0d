"""Progress as lines of text, for logs and pipes."""

import time
from collections.abc import Callable
from typing import TextIO

from handler.progress import Stage

TITLES: dict[Stage, str] = {
    "read": "reading",
    "encode": "encoding",
    "text": "indexing words",
    "check": "checking",
    "stage": "staging",
    "upload": "uploading",
    "publish": "publishing",
    "clean": "cleaning up",
}
SECONDS_BETWEEN = 5.0


class ProgressLines:
    """Writes where a run is: nothing in its first seconds, then a line every few seconds."""

    def __init__(
        self,
        file: TextIO,
        *,
        seconds: float = SECONDS_BETWEEN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write to `file`, at most once in `seconds`, measured by `clock`."""
        self._file = file
        self._seconds = seconds
        self._clock = clock
        self._written = self._began = clock()
        self._stage: Stage | None = None
        self._done_before = 0

    def __call__(self, stage: Stage, done: int, total: int | None = None) -> None:
        """Take note of progress, and write a line if it is time."""
        now = self._clock()
        if stage != self._stage:
            # What the first call reports as done, an earlier run did.
            self._stage, self._began, self._done_before = stage, now, done
        if now - self._written < self._seconds:
            return
        self._written = now
        print(self._line(stage, done, total, now - self._began), file=self._file, flush=True)

    def _line(self, stage: Stage, done: int, total: int | None, seconds: float) -> str:
        of_total = f" of {total:,}" if total else ""
        line = f"{TITLES.get(stage, stage)}: {done:,}{of_total}"
        rate = (done - self._done_before) / seconds if seconds else 0.0
        if stage == "encode" and rate:
            line += f", {rate:,.0f} documents/s"
            if total:
                line += f", {_duration((total - done) / rate)} left"
        return line


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
