"""What one call of a function in the Lambda emulator brought: its answer, figures and log."""

import math
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handler.errors import QuerytowerError

PLATFORM_LINE = re.compile(r"(START|END|REPORT) RequestId: .*\n?")
LOG_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Invocation:
    """The outcome of one call; `init_ms` is None unless the call started the function.

    The figures are the true ones. In the emulator's own REPORT line the first duration includes the start, the init
    duration is another, and the memory used is the memory configured. `max_memory_mb` is the peak resident memory
    of the function's processes.
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
        """Lambda's REPORT line with the true figures."""
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {math.ceil(self.duration_ms + (self.init_ms or 0))} ms",
            f"Memory Size: {self.memory_mb} MB",
            f"Max Memory Used: {self.max_memory_mb} MB",
        ]
        return "\t".join(
            fields if self.init_ms is None else [*fields, f"Init Duration: {self.init_ms:.2f} ms"]
        )


@dataclass(frozen=True, slots=True)
class LogMark:
    """A place in a log file that grows; reads what came after it."""

    path: Path
    start: int

    @classmethod
    def at_end(cls, path: Path) -> "LogMark":
        """Mark the present end of the file."""
        return cls(path, path.stat().st_size)

    def text(self) -> str:
        """Return all that was written since."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read().decode("utf-8", "replace")

    def function_lines(self) -> tuple[str, ...]:
        """Return the function's own lines, without those of the platform."""
        return tuple(PLATFORM_LINE.sub("", self.text()).splitlines())

    def wait_for(self, pattern: str) -> str:
        """Return the first group of `pattern`; the emulator may write it just after its answer."""
        limit = time.monotonic() + LOG_SECONDS
        while not (found := re.search(pattern, self.text())):
            if time.monotonic() > limit:
                raise QuerytowerError(
                    f"{self.path} lacks {pattern!r}; use the pinned aws-sam-cli: make tools"
                )
            time.sleep(0.002)
        return found[1]
