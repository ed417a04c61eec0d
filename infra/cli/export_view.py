"""What `querytower export` shows: a bar while it works, and a table of the result."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from handler.progress import Progress as Watch
from handler.progress import Stage

if TYPE_CHECKING:
    from export.pipeline import ExportReport


@contextmanager
def export_bar(console: Console) -> Iterator[Watch]:
    """Show a bar on a terminal while the block runs; yield what moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("fetch", total=None)

        def show(stage: Stage, done: int, total: int | None = None) -> None:
            size = f" {done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else ""
            bar.update(task, description=stage + size, completed=done, total=total)

        yield show


def export_table(report: "ExportReport") -> Table:
    """Return a table of what was exported."""
    manifest, table = report.manifest, Table(title=f"{report.manifest.model} → {report.folder}")
    table.add_column("")
    table.add_column("", justify="right")
    origin = manifest.source
    table.add_row(
        "weights from", " ".join(origin[key] for key in ("kind", "revision") if key in origin)
    )
    table.add_row("converter", f"{manifest.converter} ({manifest.architecture})")
    table.add_row("precision", f"{manifest.precision}, {manifest.target}")
    table.add_row("pooling", manifest.pooling)
    table.add_row(
        "dimension, tokens", f"{manifest.dimension}, {manifest.max_tokens}", end_section=True
    )
    for name, size in report.sizes.items():
        table.add_row(name, f"{size / 1e6:.1f} MB")
    table.add_section()
    parity = manifest.parity
    table.add_row("nearest texts as with fp32", f"{parity['agreement']:.1%}")
    cosines = f"{parity['mean_cosine']:.4f}, {parity['min_cosine']:.4f}"
    table.add_row("mean, least cosine to fp32", cosines, end_section=True)
    for stage, seconds in report.seconds.items():
        table.add_row(stage, f"{seconds:.2f} s")
    table.add_row("total", f"{sum(report.seconds.values()):.2f} s")
    return table
