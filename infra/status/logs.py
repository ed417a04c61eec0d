"""Logs of the functions, as they were written or as CloudWatch exports them, as events.

Read are: the functions' own lines, the JSON of `aws logs filter-log-events` and `aws logs
get-log-events`, the lines of `aws logs tail`, and exports to S3, each also as .gz. Lines that are
neither an event of ours nor a report of Lambda are left out.
"""

import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from handler.errors import QuerytowerError

Event = dict[str, Any]
"""An event of ours, or {"event": "report", "billed_ms": …, "memory_mb": …} of one call."""

MAX_LINE = 2**20
BILLED = re.compile(r"Billed Duration: (\d+) ms")
MEMORY = re.compile(r"Memory Size: (\d+) MB")
OBJECT = re.compile(r"\{.*\}")


def read_events(sources: Iterable[str]) -> Iterator[Event]:
    """Yield the events of files, of all files in folders, and of standard input for "-".

    Raises:
        QuerytowerError: a source can't be read.
    """
    for source in sources:
        if source == "-":
            yield from _events(sys.stdin)
            continue
        path = Path(source)
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            yield from _file(file)


def _file(path: Path) -> Iterator[Event]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with cast(IO[str], opener(path, "rt", encoding="utf-8", errors="replace")) as file:
            yield from _events(file)
    except (OSError, EOFError, ValueError) as cause:
        reason = getattr(cause, "strerror", None) or cause
        raise QuerytowerError(
            f"the log {path} can't be read: {reason}; give files that `aws logs` wrote"
        ) from cause


def _events(file: IO[str]) -> Iterator[Event]:
    first = file.readline(MAX_LINE)
    if first.strip() == "{":  # one JSON document over many lines, as the AWS command line prints
        whole = json.loads(first + file.read())
        for entry in whole.get("events", []):
            yield from _line(str(entry.get("message", "")))
        return
    yield from _line(first)
    while line := file.readline(MAX_LINE):
        yield from _line(line)


def _line(line: str) -> Iterator[Event]:
    if "REPORT RequestId" in line:
        billed, memory = BILLED.search(line), MEMORY.search(line)
        if billed and memory:
            yield _report(float(billed[1]), float(memory[1]))
        return
    found = OBJECT.search(line)
    if not found:
        return
    try:
        content = json.loads(found[0])
    except ValueError:
        return
    if content.get("type") == "platform.report":
        metrics = content.get("record", {}).get("metrics", {})
        yield _report(metrics.get("billedDurationMs", 0.0), metrics.get("memorySizeMB", 0.0))
        return
    # In JSON logging, Lambda wraps a line into an object with its time and level.
    message = content.get("message")
    inner = message if isinstance(message, dict) else content
    if isinstance(inner.get("event"), str):
        yield inner


def _report(billed_ms: float, memory_mb: float) -> Event:
    return {"event": "report", "billed_ms": float(billed_ms), "memory_mb": float(memory_mb)}
