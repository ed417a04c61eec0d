"""Cold start of the package in Lambda's runtime emulator, beside functions of the peers: one run, taking turns.

python -m infra.bench.coldstart DATASET --model build/demo/model

All search the same documents (DATASET is a folder in the BEIR layout) with the same weights, on the same Python, from
a local folder, with everything in the disk's cache. querytower's hybrid search answers with whole documents, the
peers' with ids and cosines. The first answer is timed from the start of the process; memory is the peak that the
kernel saw resident; the size is that of code, dependencies, byte code and model, without Lambda's runtime client.
"""

import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.bench.peers.collection import peers_index, querytower_store
from infra.bench.peers.functions import ENVIRONMENT, PEERS, default_folder, runtime, task_root
from infra.bench.report import Timing
from infra.emulation.emulator import Emulator
from infra.emulation.program import MACHINES
from infra.evaluation.dataset import read_queries
from infra.packaging.build import build_package
from infra.packaging.target import PackageTarget

EVENT = Path(__file__).parents[1] / "events" / "search.json"
SECONDS = 120


@dataclass(slots=True)
class Function:
    """A function and what was measured of it: milliseconds, and megabytes."""

    name: str
    task_root: Path
    handler: str
    environment: dict[str, str]
    init: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def start(self, python: Path, events: list[dict[str, object]], counts: bool) -> None:
        """Start a process and send it all events, the first of them cold."""
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
            raise SystemExit(f"{self.name} answered {failed[0]}")
        if counts:
            self.init.append(calls[0].init_ms or 0)
            self.first.append(calls[0].wall_ms)
            self.warm += [call.duration_ms for call in calls[1:]]
            self.memory.append(calls[-1].max_memory_mb)

    @property
    def size(self) -> float:
        """Megabytes of all files."""
        return (
            sum(path.stat().st_size for path in self.task_root.rglob("*") if path.is_file()) / 1e6
        )


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
    model: Annotated[Path, typer.Option(help="Folder of the model bundle.")] = Path(
        "build/demo/model"
    ),
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
    """Start each function in turn; the first round only warms the disk's cache."""
    events = [
        _event(text) for text in list(read_queries(dataset / "queries.jsonl").values())[: warm + 1]
    ]
    functions = [_querytower(dataset, model, package, work), *_peers(dataset, model, work)]
    for at in range(times + 1):
        for function in functions:
            function.start(runtime(work), events, counts=at > 0)
    _show(f"{times} cold starts of each, {len(events) - 1} warm calls after each", functions)


def _querytower(dataset: Path, model: Path, package: Path | None, work: Path) -> Function:
    if package is None:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        package = build_package(
            PackageTarget(MACHINES[platform.machine().lower()], python), model, work / "package"
        ).folder
    store = querytower_store(dataset, package / "model", work)
    return Function("querytower", package, "handler.main.http", {"QUERYTOWER_STORE": str(store)})


def _peers(dataset: Path, model: Path, work: Path) -> list[Function]:
    environment = ENVIRONMENT | {"INDEX": str(peers_index(dataset, model, work))}
    return [
        Function(name, task_root(name, work), "function.handler", environment) for name in PEERS
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
    typer.run(main)
