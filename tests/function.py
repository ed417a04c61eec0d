"""handler.main in a process of its own, as Lambda would run it: events in, answers and log lines out."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "infra" / "events"
DRIVER = """
import json, sys
from types import SimpleNamespace
import handler.main

context = SimpleNamespace(aws_request_id="of-the-context")
print("READY", flush=True)
for line in sys.stdin:
    print("ANSWER " + json.dumps(handler.main.http(json.loads(line), context)), flush=True)
"""


class Function:
    """The function's process; use it as a context manager. `log` has the lines that it wrote so far."""

    def __init__(self, environment: Mapping[str, str], folder: Path, handler: str = "") -> None:
        self.log: list[dict[str, Any]] = []
        self.environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment}
        if handler:
            self.environment["_HANDLER"] = handler
        self._errors = folder / "stderr.txt"

    def __enter__(self) -> Self:
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-c", DRIVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self.environment,
                text=True,
            )
        self._read("READY")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the handler returns for an event."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        return dict(json.loads(self._read("ANSWER ")))

    def get(self, path: str, query: str = "") -> tuple[int, dict[str, Any]]:
        """Return status and body of the answer to a GET request."""
        answer = self.invoke(get_event(path, query))
        return answer["statusCode"], json.loads(answer["body"])

    def until(self, done: Callable[[dict[str, Any]], bool], seconds: float = 20) -> dict[str, Any]:
        """Ask /ready until `done` of its body, which must come about, and never see it fail."""
        limit = time.monotonic() + seconds
        while True:
            status, body = self.get("/ready")
            assert status == 200, body
            if done(body):
                return body
            assert time.monotonic() < limit, body

    def _read(self, prefix: str) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(prefix):
                return line.removeprefix(prefix)
            self.log.append(json.loads(line))
        raise AssertionError(f"the function ended: {self._errors.read_text('utf-8')[-2000:]}")


def event(name: str) -> dict[str, Any]:
    """Return one of the sample events."""
    return dict(json.loads((EVENTS / f"{name}.json").read_text("utf-8")))


def get_event(path: str, query: str = "") -> dict[str, Any]:
    """Return API Gateway's event of a GET request."""
    sample = event("health")
    http = sample["requestContext"]["http"] | {"path": path}
    context = sample["requestContext"] | {"http": http}
    return sample | {"rawPath": path, "rawQueryString": query, "requestContext": context}
