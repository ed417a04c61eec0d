"""Cold start of the package in Lambda's runtime emulator, beside functions of other libraries.

python -m infra.bench.coldstart DATASET --model build/demo/model

All functions search the same documents (DATASET is a folder in the BEIR layout) with the same
weights, on the same Python, from a local folder, with warm disk caches; they take turns.
querytower's hybrid search returns whole documents, the others return ids and cosines. The first
answer is timed from the start of the process. Memory is the peak of the resident memory. The size
is that of code, dependencies, byte code and model, without Lambda's runtime client.
"""

import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from handler.errors import QuerytowerError
from infra.bench.peers.collection import peers_index, querytower_store
from infra.bench.peers.functions import ENVIRONMENT, PEERS, default_folder, runtime, task_root
from infra.bench.report import Timing
from infra.bench.start import DEMO_MODEL, ModelFolder, start
from infra.emulation.emulator import Emulator
from infra.emulation.program import MACHINES
from infra.evaluation.dataset import collection_file, read_queries
from infra.packaging.build import build_package
from infra.packaging.target import PackageTarget

EVENT = Path(__file__).parents[1] / "events" / "search.json"
SECONDS = 120


@dataclass(slots=True, kw_only=True)
class Function:
    """A function and its measurements: milliseconds, and megabytes of memory."""

    name: str
    task_root: Path
    handler: str
    environment: dict[str, str]
    init: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def start(self, python: Path, events: list[dict[str, object]], counts: bool) -> None:
        """Start a process and send it all events, of which the first meets a cold function.

        Raises:
            QuerytowerError: the function failed.
        """
        started = Emulator(
            self.task_root,
            self.handler,
            environment=self.environment,
            python=python,
            timeout_s=SECONDS,
        )
        with started as emulator:
            calls = [emulator.invoke(event) for event in events]
        failed = [call.payload for call in calls if call.payload["statusCode"] != 200]
        if failed:
            raise QuerytowerError(f"{self.name} answered {failed[0]}; its log says why")
        if counts:
            self.init.append(calls[0].init_ms or 0)
            self.first.append(calls[0].wall_ms)
            self.warm += [call.duration_ms for call in calls[1:]]
            self.memory.append(calls[-1].max_memory_mb)

    @property
    def size(self) -> float:
        """Return the megabytes of all files."""
        files = (path for path in self.task_root.rglob("*") if path.is_file())
        return sum(path.stat().st_size for path in files) / 1e6


FIGURES: dict[str, Callable[[Function], float]] = {
    "init ms": lambda function: median(function.init),
    "first ms": lambda function: median(function.first),
    "p50 ms": lambda function: _timing(function).p50,
    "p99 ms": lambda function: _timing(function).p99,
    "memory MB": lambda function: max(function.memory),
    "size MB": lambda function: function.size,
}


def main(
    dataset: Annotated[Path, typer.Argument(help="Folder in the BEIR layout.")],
    model: ModelFolder = DEMO_MODEL,
    package: Annotated[
        Path | None,
        typer.Option(help="Unzipped package.", show_default="one built for this machine"),
    ] = None,
    work: Annotated[Path, typer.Option(help="Folder for what the peers need.")] = default_folder(),  # noqa: B008
    times: Annotated[int, typer.Option(help="Cold starts of each function.", min=1)] = 10,
    warm: Annotated[
        int, typer.Option(help="Warm calls after each, of different queries.", min=1)
    ] = 30,
) -> None:
    """Start each function in turn; the first round only warms the disk caches."""
    texts = islice(read_queries(collection_file(dataset, "queries.jsonl")).values(), warm + 1)
    events = [_event(text) for text in texts]
    functions = [_querytower(dataset, model, package, work), *_peers(dataset, model, work)]
    for at in range(times + 1):
        for function in functions:
            function.start(runtime(work), events, counts=at > 0)
    _show(f"{times} cold starts of each, {len(events) - 1} warm calls after each", functions)


def _querytower(dataset: Path, model: Path, package: Path | None, work: Path) -> Function:
    if package is None:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        target = PackageTarget(MACHINES[platform.machine().lower()], python)
        package = build_package(target, model, work / "package").folder
    store = querytower_store(dataset, package / "model", work)
    return Function(
        name="querytower",
        task_root=package,
        handler="handler.main.http",
        environment={"QUERYTOWER_STORE": str(store)},
    )


def _peers(dataset: Path, model: Path, work: Path) -> list[Function]:
    environment = ENVIRONMENT | {"INDEX": str(peers_index(dataset, model, work))}
    return [
        Function(
            name=name,
            task_root=task_root(name, work),
            handler="function.handler",
            environment=environment,
        )
        for name in PEERS
    ]


def _event(query: str) -> dict[str, object]:
    event: dict[str, object] = json.loads(EVENT.read_text("utf-8"))
    return event | {"body": json.dumps({"query": query, "k": 10})}


def _timing(function: Function) -> Timing:
    return Timing.of([milliseconds / 1000 for milliseconds in function.warm])


def _show(title: str, functions: list[Function]) -> None:
    table = Table("", title=title, title_justify="left")
    for function in functions:
        table.add_column(function.name, justify="right")
    for heading, figure in FIGURES.items():
        own, *others = (figure(function) for function in functions)
        table.add_row(
            heading, _shown(own), *(f"{_shown(other)} ({other / own:.1f}×)" for other in others)
        )
    Console().print(table)


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}"


if __name__ == "__main__":
    start(main)
