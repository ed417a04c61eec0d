"""What a person sees while a corpus is indexed, and after."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from handler.index.manifest import IndexManifest
from handler.progress import Progress as Listener
from handler.progress import Stage, no_progress
from handler.reindex.build_options import build_options as build_options
from handler.reindex.build_options import changed_options as changed_options
from infra.cli.progress_lines import TITLES, ProgressLines


@contextmanager
def shown(*, quiet: bool = False) -> Iterator[Listener]:
    """Show a progress bar for each stage, and yield the function that moves them.

    Where standard error is no terminal, a line is written every few seconds instead.
    """
    console = Console(stderr=True)
    if quiet:
        yield no_progress
        return
    if not console.is_terminal:
        yield ProgressLines(sys.stderr)
        return
    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[Stage, TaskID] = {"read": bars.add_task(TITLES["read"], total=None, rate="")}

        def listen(stage: Stage, done: int, total: int | None = None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(TITLES.get(stage, stage), total=total, rate="")
            task = bars.tasks[tasks[stage]]
            speed = task.finished_speed or task.speed
            rate = f"{speed:,.0f} documents/s" if speed and stage == "encode" else ""
            bars.update(tasks[stage], completed=done, total=total, rate=rate)

        yield listen


def report(manifest: IndexManifest, store: str, rejects: Path) -> None:
    """Print what was published, and how many records were rejected.

    Args:
        manifest: manifest of the published version.
        store: URL of the store.
        rejects: file that lists the rejected records.
    """
    console = Console(highlight=False, soft_wrap=True)
    size = sum(entry.bytes for entry in manifest.files.values())
    console.print(
        f"index [bold]{manifest.name}[/bold] in {store}: {manifest.documents:,} documents, "
        f"{manifest.passages:,} passages, {size / 1e6:.1f} MB, version {manifest.version}"
    )
    if manifest.rejected:
        console.print(
            f"[yellow]{manifest.rejected:,} records were rejected[/yellow]; {rejects} says why"
        )
    if manifest.schema:
        fields = ", ".join(f"{name} ({field.kind})" for name, field in manifest.schema.items())
        console.print(f"fields to filter by: {fields}", markup=False)
