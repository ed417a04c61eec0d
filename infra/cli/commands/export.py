"""`querytower export`: make a model bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from export import DEFAULT_MODEL, MIN_AGREEMENT, Converter, CpuTarget, WeightPrecision
from handler.errors import ModelError, install_command
from handler.progress import Stage

if TYPE_CHECKING:
    from export.pipeline import ExportReport


def export(
    to: Annotated[Path, typer.Option(help="Folder for the bundle.")],
    model: Annotated[str, typer.Argument(help="Model folder or hub id.")] = DEFAULT_MODEL,
    converter: Annotated[
        Converter, typer.Option(help="How to make the graph; auto prefers direct.")
    ] = "auto",
    precision: Annotated[
        WeightPrecision, typer.Option(help="Number format of the weights.")
    ] = "int8",
    target: Annotated[CpuTarget, typer.Option(help="CPU that int8 is made for.")] = "portable",
    min_agreement: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Refuse int8 if fewer of the nearest texts are those of fp32."
        ),
    ] = MIN_AGREEMENT,
    texts: Annotated[
        Path | None,
        typer.Option(help="Corpus whose rankings are compared, instead of the built-in texts."),
    ] = None,
    query_prompt: Annotated[
        str | None, typer.Option(help="Put before every query, such as 'query: ' for E5.")
    ] = None,
    document_prompt: Annotated[
        str | None, typer.Option(help="Put before every passage, such as 'passage: '.")
    ] = None,
) -> None:
    """Convert a sentence-transformers model to a bundle of ONNX encoder, tokenizer and manifest."""
    try:
        from export.pipeline import export_model
    except ImportError as cause:
        raise ModelError(
            f"exporting needs {cause.name}, which is not installed; install it with: "
            + install_command("export")
        ) from cause
    console = Console(stderr=True)
    with _bar(console) as bar:
        task = bar.add_task("fetch", total=None)

        def show(stage: Stage, done: int, total: int | None = None) -> None:
            size = f" {done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else ""
            bar.update(task, description=stage + size, completed=done, total=total)

        report = export_model(
            model,
            to,
            converter=converter,
            precision=precision,
            target=target,
            min_agreement=min_agreement,
            texts=texts,
            prompts={
                k: v
                for k, v in (("query", query_prompt), ("document", document_prompt))
                if v is not None
            },
            progress=show,
        )
    for note in report.notes:
        console.print(f"note: {note}")
    Console().print(_table(report))


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _table(report: "ExportReport") -> Table:
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
