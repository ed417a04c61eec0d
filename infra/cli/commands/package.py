"""`querytower package`: the zip for Lambda."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.commands.options import ModelFolder
from infra.packaging.archive import Archive, zip_folder
from infra.packaging.build import build_package
from infra.packaging.report import MAX_BYTES, Package
from infra.packaging.target import PackageTarget

MB = 1 << 20  # as Lambda counts
SHOWN_FROM = MB // 2  # smaller parts share a line


def package(
    arch: Annotated[str, typer.Option(help="CPU of the function: arm64 or x86_64.")] = "arm64",
    python: Annotated[
        str, typer.Option(help="Python of the function: 3.12, 3.13 or 3.14.")
    ] = "3.13",
    model: ModelFolder = Path("model"),
    out: Annotated[Path, typer.Option(help="Folder for the package.")] = Path("build"),
    zipped: Annotated[
        bool, typer.Option("--zip/--no-zip", help="Make the zip, or only its folder.")
    ] = True,
) -> None:
    """Build the function's zip for Lambda, for any CPU from any machine, without Docker.

    Lambda takes a zip above 50 MB only by way of S3, as `sam deploy` uploads it.
    """
    started = time.perf_counter()
    report = build_package(PackageTarget(arch, python), model, out)
    archive = zip_folder(report.folder) if zipped else None
    seconds = time.perf_counter() - started
    notes = Console(stderr=True, soft_wrap=True, highlight=False)
    for note in report.notes:
        notes.print(f"note: {note}")
    Console().print(size_table(report, archive))
    notes.print(f"built in {seconds:.1f} s")


def size_table(report: Package, archive: Archive | None) -> Table:
    """Show what each part takes, before and after, and what of Lambda's limit."""
    table = Table(title=str(report.folder), min_width=73)
    table.add_column("MB of 1,048,576 bytes")
    for name in ("installed", "packaged", "of Lambda's 250 MB"):
        table.add_column(name, justify="right")
    small = [component for component in report.components if component.before < SHOWN_FROM]
    for component in report.components:
        if component not in small:
            table.add_row(component.name, *_sizes(component.before, component.after))
    others = sum(each.before for each in small), sum(each.after for each in small)
    table.add_row(f"{len(small)} others", *_sizes(*others), end_section=True)
    table.add_row("unzipped", *_sizes(report.before, report.after))
    table.add_row("of this, byte code", "", f"{report.bytecode_bytes / MB:.1f}", "")
    if archive:
        table.add_row("zipped", "", f"{archive.bytes / MB:.1f}", "")
        table.title, table.caption = str(archive.path), f"sha256 {archive.sha256}"
    return table


def _sizes(before: int, after: int) -> tuple[str, str, str]:
    return f"{before / MB:.1f}", f"{after / MB:.1f}", f"{100 * after / MAX_BYTES:.1f} %"
