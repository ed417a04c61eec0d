"""The outcome of one call of a function in the Lambda emulator: its answer, figures and log."""

import math
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handler.errors import QuerytowerError

PLATFORM_LINE = re.compile(r"(START|END|REPORT) RequestId: .*\n?")
LOG_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The outcome of one call; times are milliseconds, memory is megabytes of 1,048,576 bytes.

    `init_ms` is None unless the call started the function. `max_memory_mb` is the peak resident
    memory of the function's processes. These figures replace the emulator's own REPORT line, whose
    first duration includes the start and whose memory used is the memory configured.
    """

    payload: Any
    request_id: str
    duration_ms: float
    init_ms: float | None
    memory_mb: int
    max_memory_mb: int
    wall_ms: float
    log: tuple[str, ...]

    @property
    def report(self) -> str:
        """Return Lambda's REPORT line with the true figures."""
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {math.ceil(self.duration_ms + (self.init_ms or 0))} ms",
            f"Memory Size: {self.memory_mb} MB",
            f"Max Memory Used: {self.max_memory_mb} MB",
        ]
        if self.init_ms is not None:
            fields.append(f"Init Duration: {self.init_ms:.2f} ms")
        return "\t".join(fields)


@dataclass(frozen=True, slots=True)
class LogMark:
    """A position in a growing log file; reads what was written after it."""

    path: Path
    start: int

    @classmethod
    def at_end(cls, path: Path) -> "LogMark":
        """Mark the current end of the file."""
        return cls(path, path.stat().st_size)

    def text(self) -> str:
        """Return everything written since."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read().decode("utf-8", "replace")

    def function_lines(self) -> tuple[str, ...]:
        """Return the function's own lines, without those of the platform."""
        return tuple(PLATFORM_LINE.sub("", self.text()).splitlines())

    def wait_for(self, pattern: str) -> str:
        """Wait for a match of `pattern`, and return its first group.

        The emulator may write a line just after its answer.

        Raises:
            QuerytowerError: no match came within LOG_SECONDS.
        """
        limit = time.monotonic() + LOG_SECONDS
        while not (found := re.search(pattern, self.text())):
            if time.monotonic() > limit:
                raise QuerytowerError(
                    f"{self.path} lacks {pattern!r}; use the pinned aws-sam-cli: make tools"
                )
            time.sleep(0.002)
        return found[1]
