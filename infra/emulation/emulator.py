"""Run a handler in AWS's Lambda Runtime Interface Emulator, without Docker."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

from handler.errors import QuerytowerError
from infra.emulation.invocation import Invocation, LogMark
from infra.emulation.processes import HOST, free_ports, peak_memory_mb, stop, wait_until_listening
from infra.emulation.program import find_program

INVOKE_PATH = "/2015-03-31/functions/function/invocations"
MAX_EVENT_BYTES = 6 * 1024 * 1024  # Lambda's limit; the emulator would truncate the event
ATTEMPTS = 3
GRACE_SECONDS = 5.0
FROM_PROCESS = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
FROM_SHELL = re.compile(
    r"QUERYTOWER_|AWS_(?!LAMBDA_|EXECUTION_ENV|PROFILE)|GOOGLE_|AZURE_|SSL_CERT_|(HTTPS?|NO)_PROXY$",
    re.IGNORECASE,
)


class Emulator:
    """A function in the emulator, started by the constructor and stopped at the end of `with`.

    The function sees `environment`, the variables that Lambda sets, and this process's PATH, HOME,
    locale and temporary folder, and nothing else. The first call initialises it. `timeout_s` is
    enforced, `memory_mb` is not.

    Raises:
        QuerytowerError: there is no emulator for this machine, `python` lacks awslambdaric, or the
            emulator does not start.
    """

    def __init__(
        self,
        task_root: Path,
        handler: str,
        *,
        environment: Mapping[str, str],
        python: Path = Path(sys.executable),
        memory_mb: int = 1024,
        timeout_s: int = 30,
    ) -> None:
        self._handler, self._memory_mb, self._timeout_s = handler, memory_mb, timeout_s
        self._one_at_a_time = threading.Lock()  # the emulator crashes on concurrent calls
        program, task_root, python = find_program(), task_root.absolute(), python.absolute()
        variables = _lambda_environment(task_root, environment, memory_mb, timeout_s)
        _check_runtime(python, task_root, variables)
        with ExitStack() as stack:
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="querytower-emulator-"))
            )
            self._function_log = folder / "function.log"
            self._emulator_log = folder / "emulator.log"
            command = [str(program), "--log-level", "info"]
            command += [str(python), "-m", "awslambdaric", handler]
            self._process, self._port = self._start(command, task_root, variables)
            stack.callback(stop, self._process)
            self._resources = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the emulator and every process of the function."""
        self._resources.close()

    def invoke(self, event: object) -> Invocation:
        """Call the function with `event`, any JSON value, and wait for its answer.

        Raises:
            QuerytowerError: the function raised, crashed or timed out, or the event is too large.
                The error's notes are the function's log of this call.
        """
        body = json.dumps(event).encode()
        if len(body) > MAX_EVENT_BYTES:
            raise QuerytowerError(
                f"the event has {len(body)} bytes, and Lambda takes {MAX_EVENT_BYTES}; "
                "send a smaller one"
            )
        with self._one_at_a_time:
            function_log = LogMark.at_end(self._function_log)
            emulator_log = LogMark.at_end(self._emulator_log)
            started = time.perf_counter()
            status, answer = self._post(body)
            wall_ms = (time.perf_counter() - started) * 1000
            payload = self._check(status, answer, function_log)
            return self._describe(payload, wall_ms, function_log, emulator_log)

    def _start(
        self, command: list[str], task_root: Path, variables: dict[str, str]
    ) -> tuple[subprocess.Popen[bytes], int]:
        """Start on free ports, and again if another process takes one of them meanwhile."""
        for _ in range(ATTEMPTS):
            port, api_port = free_ports()
            addresses = ["--runtime-interface-emulator-address", f"{HOST}:{port}"]
            addresses += ["--runtime-api-address", f"{HOST}:{api_port}"]
            with self._function_log.open("wb") as out, self._emulator_log.open("wb") as err:
                process = subprocess.Popen(
                    [command[0], *addresses, *command[1:]],
                    cwd=task_root,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            if wait_until_listening(process, port, api_port):
                return process, port
            stop(process)
            if "address already in use" not in self._last_message():
                break
        raise QuerytowerError(
            f"the Lambda emulator {command[0]} did not start: {self._last_message()}; check that "
            f"the program runs by itself and that ports of {HOST} can be opened, then try again"
        )

    def _last_message(self) -> str:
        lines = re.findall(r"\(rapid\) (.*)", self._emulator_log.read_text("utf-8", "replace"))
        return lines[-1] if lines else "it left no log"

    def _post(self, body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(HOST, self._port, timeout=self._timeout_s + GRACE_SECONDS)
        try:
            connection.request("POST", INVOKE_PATH, body)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException) as cause:
            state = "does not answer" if self._process.poll() is None else "has ended"
            raise QuerytowerError(
                f"the Lambda emulator {state} ({cause!r}); its last message: "
                f"{self._last_message()}; start it again"
            ) from cause
        finally:
            connection.close()

    def _check(self, status: int, answer: bytes, log: LogMark) -> Any:
        try:
            payload = json.loads(answer)
        except ValueError:  # the emulator's own messages are plain text
            payload = {
                "errorType": "Sandbox.Error",
                "errorMessage": answer.decode("utf-8", "replace"),
            }
        failed = isinstance(payload, dict) and {"errorType", "errorMessage"} <= payload.keys()
        if status == HTTPStatus.OK and not failed:
            return payload
        failure = (
            payload if failed else {"errorType": f"HTTP {status}", "errorMessage": str(payload)}
        )
        error = QuerytowerError(
            _explain(self._handler, status, failure["errorType"], failure["errorMessage"])
        )
        for line in log.function_lines():
            error.add_note(line)
        raise error

    def _describe(
        self, payload: Any, wall_ms: float, function_log: LogMark, emulator_log: LogMark
    ) -> Invocation:
        duration_ms = float(emulator_log.wait_for(r"INVOKE RTDONE\(.*duration: ([\d.]+)ms"))
        init = re.findall(r"INIT REPORT\(durationMs: ([\d.]+)\)", emulator_log.text())
        return Invocation(
            payload=payload,
            request_id=function_log.wait_for(r"REPORT RequestId: (\S+)"),
            duration_ms=duration_ms,
            init_ms=float(init[-1]) if init else None,
            memory_mb=self._memory_mb,
            max_memory_mb=peak_memory_mb(self._process.pid),
            wall_ms=wall_ms,
            log=function_log.function_lines(),
        )


def shell_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the shell's variables that the function needs: its settings, and storage access."""
    return {name: value for name, value in variables.items() if FROM_SHELL.match(name)}


def _lambda_environment(
    task_root: Path, environment: Mapping[str, str], memory_mb: int, timeout_s: int
) -> dict[str, str]:
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    return {
        **{name: os.environ[name] for name in FROM_PROCESS if name in os.environ},
        "TZ": ":UTC",
        **environment,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": "querytower",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_s),
        "LAMBDA_TASK_ROOT": str(task_root),
    }


def _check_runtime(python: Path, task_root: Path, variables: dict[str, str]) -> None:
    if not task_root.is_dir():
        raise QuerytowerError(
            f"the task root {task_root} is not a folder; name the folder of the handler's code"
        )
    probe = "import importlib.util as u, sys; sys.exit(u.find_spec('awslambdaric') is None)"
    try:
        lacking = subprocess.run(
            [python, "-c", probe], cwd=task_root, env=variables, check=False
        ).returncode
    except OSError as cause:
        raise QuerytowerError(
            f"can't run {python}: {cause.strerror}; name another Python"
        ) from cause
    if lacking:
        raise QuerytowerError(
            f"{python} can't import awslambdaric, which connects a handler to Lambda; "
            f"install it: {python} -m pip install awslambdaric"
        )


def _explain(handler: str, status: int, kind: str, message: str) -> str:
    if "Task timed out" in message:
        return f"{handler} did not answer in time: {message}; make it faster, or raise --timeout"
    if kind == "Runtime.ImportModuleError":
        return (
            f"{handler} can't be loaded: {message}; check the handler's name, and that the task "
            "root was built for this CPU and this Python"
        )
    if status == HTTPStatus.OK:
        return (
            f"{handler} raised {kind}: {message}; correct the event or the handler, "
            "whose log shows the line"
        )
    return f"{handler} failed with {kind}: {message}; its log may show the cause"
