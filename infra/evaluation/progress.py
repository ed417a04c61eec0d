"""An evaluation in the terminal: progress bars while it runs, then a table."""

import re
from collections.abc import Sequence
from functools import partial

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from handler.encoder import Encoder
from handler.index.index_version import IndexVersion
from handler.search.request import Mode
from infra.evaluation.dataset import JudgedQuery
from infra.evaluation.runs import Evaluation, Run, run

# Times that a progress bar is drawn.
DRAWN = 50


def run_shown(
    index: IndexVersion,
    encoder: Encoder,
    queries: Sequence[JudgedQuery],
    modes: Sequence[Mode],
    k: int,
) -> list[Run]:
    """Run the queries in each mode, with a progress bar for each.

    The arguments are those of `run`, with several modes.
    """
    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # The bars are drawn between queries: a thread of theirs would distort the times.
    with Progress(
        *columns, console=console, disable=not console.is_terminal, auto_refresh=False
    ) as bars:
        tasks = [bars.add_task(mode, total=len(queries)) for mode in modes]

        def advance(task: TaskID) -> None:
            bars.advance(task)
            if bars.tasks[task].completed % (len(queries) // DRAWN + 1) == 0 or bars.finished:
                bars.refresh()

        return [
            run(index, encoder, queries, mode, k, partial(advance, task))
            for mode, task in zip(modes, tasks, strict=True)
        ]


def show(evaluation: Evaluation) -> None:
    """Print a table of each mode's figures, the best in bold, and the warnings on stderr."""
    for warning in evaluation.warnings:
        Console(stderr=True, highlight=False).print(f"[yellow]{warning}[/yellow]")
    manifest = evaluation.index.manifest
    summaries = {run.mode: run.summary() for run in evaluation.runs}
    metrics = list(evaluation.runs[0].scores)
    best = {name: max(figures[name] for figures in summaries.values()) for name in metrics}
    table = Table(
        title=f"{evaluation.dataset}: {manifest.documents:,} documents, "
        f"{len(evaluation.queries):,} queries",
        caption=f"{manifest.model}, {manifest.precision}, {manifest.passages:,} passages",
        box=SIMPLE_HEAD,
        collapse_padding=True,
    )
    table.add_column("mode")
    for heading in (*metrics, "seconds", "queries per s", "p50 ms", "p99 ms"):
        table.add_column("\n".join(re.split(" |(?=@)", heading, maxsplit=1)), justify="right")
    for mode, figures in summaries.items():
        cells = [_bold(f"{figures[name]:.4f}", figures[name] == best[name]) for name in metrics]
        times = [
            figures["seconds"],
            figures["queries_per_second"],
            figures["p50_ms"],
            figures["p99_ms"],
        ]
        table.add_row(mode, *cells, *(f"{value:.{0 if value >= 100 else 2}f}" for value in times))
    Console(highlight=False).print(table)


def _bold(text: str, best: bool) -> str:
    return f"[bold]{text}[/bold]" if best else text
