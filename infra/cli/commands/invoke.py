"""querytower invoke: run the handler in the Lambda runtime emulator."""

import base64
import json
import os
import shutil
import sys
from http import HTTPStatus
from http.client import responses
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from handler.errors import QuerytowerError
from infra.emulation.emulator import Emulator, shell_environment

PROJECT = Path(__file__).parents[3]


def invoke(
    event: Annotated[
        str,
        typer.Argument(metavar="EVENT", help="JSON file with the event, or - for standard input."),
    ],
    store: Annotated[
        str | None,
        typer.Option(envvar="QUERYTOWER_STORE", help="Folder or URL that holds the indexes."),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Folder of the model bundle.")] = None,
    handler: Annotated[str, typer.Option(help="Module and function to run.")] = "handler.main.http",
    task_root: Annotated[
        Path,
        typer.Option(help="Folder that holds the handler's code.", show_default="this project"),
    ] = PROJECT,
    times: Annotated[
        int, typer.Option(min=1, help="How often to send the event; the first call is cold.")
    ] = 1,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that one call may take.")] = 30,
    python: Annotated[
        str, typer.Option(help="Python that runs the handler.", show_default="the running one")
    ] = sys.executable,
) -> None:
    """Send an event to the handler in AWS's Lambda runtime emulator, and print the answer.

    No Docker is needed. After the answer come the REPORT lines of all calls.
    """
    content = read_event(event)
    environment = function_environment(store, model)
    logs = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    interpreter = Path(shutil.which(python) or python)
    try:
        started = Emulator(
            task_root, handler, environment=environment, python=interpreter, timeout_s=timeout
        )
        with started as emulator:
            calls = [emulator.invoke(content) for _ in range(times)]
    except QuerytowerError as error:
        for line in getattr(error, "__notes__", []):
            logs.print(line)
        raise
    for line in (line for call in calls for line in call.log):
        logs.print(line)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    show(console, calls[-1].payload)
    for call in calls:
        console.print(call.report)
    if any(status_of(call.payload) >= HTTPStatus.INTERNAL_SERVER_ERROR for call in calls):
        raise typer.Exit(1)


def function_environment(store: str | None, model: Path | None) -> dict[str, str]:
    """Return the function's variables: those of this shell, and the store and model given."""
    environment = shell_environment(os.environ)
    if store:
        environment["QUERYTOWER_STORE"] = store if "://" in store else str(Path(store).absolute())
    if model:
        environment["QUERYTOWER_MODEL"] = str(model.absolute())
    return environment


def read_event(source: str) -> Any:
    """Read a JSON file, or standard input for "-".

    Raises:
        QuerytowerError: there is no such file, or it is not JSON.
    """
    name = "standard input" if source == "-" else f"the event {source}"
    try:
        return json.loads(sys.stdin.read() if source == "-" else Path(source).read_text("utf-8"))
    except OSError as cause:
        raise QuerytowerError(
            f"can't read {name}: {cause.strerror}; samples are in infra/events"
        ) from cause
    except ValueError as cause:
        raise QuerytowerError(
            f"{name} is not JSON: {cause}; samples are in infra/events"
        ) from cause


def status_of(payload: Any) -> int:
    """Return the status of an HTTP response, 0 for any other payload."""
    return int(payload.get("statusCode", 0)) if isinstance(payload, dict) else 0


def show(console: Console, payload: Any) -> None:
    """Print an HTTP response as status line, headers and body, any other payload as JSON."""
    status = status_of(payload)
    if not status:
        console.print_json(data=payload)
        return
    console.print(
        f"HTTP {status} {responses.get(status, '')}",
        style="green" if status < HTTPStatus.BAD_REQUEST else "red",
    )
    for name, value in payload.get("headers", {}).items():
        console.print(f"{name}: {value}", style="dim")
    console.print()
    body = payload.get("body") or ""
    if payload.get("isBase64Encoded"):
        body = base64.b64decode(body).decode("utf-8", "replace")
    try:
        console.print_json(body)
    except ValueError:
        console.print(body)
