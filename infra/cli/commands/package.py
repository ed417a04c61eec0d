"""querytower package: the zip for Lambda."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from handler.storage.store import Store
from handler.versions.repository import IndexRepository
from infra.cli.commands.options import IndexName, ModelFolder
from infra.packaging.archive import Archive, zip_folder
from infra.packaging.build import build_package
from infra.packaging.check_model import check_model
from infra.packaging.report import MAX_BYTES, MB, Package
from infra.packaging.target import PackageTarget

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
    store: Annotated[
        str,
        typer.Option(
            envvar="QUERYTOWER_STORE",
            help="Store whose index must have been built with the model; empty for no check.",
        ),
    ] = "",
    name: IndexName = "default",
) -> None:
    """Build the function's zip for Lambda, for any CPU from any machine, without Docker.

    Lambda accepts a zip above 50 MB only from S3, where `sam deploy` uploads it.
    """
    started = time.perf_counter()
    target = PackageTarget(arch, python)
    notes = [check_model(model, IndexRepository(Store.open(store), name))] if store else []
    report = build_package(target, model, out)
    archive = zip_folder(report.folder) if zipped else None
    seconds = time.perf_counter() - started
    messages = Console(stderr=True, soft_wrap=True, highlight=False)
    for note in filter(None, [*notes, *report.notes]):
        messages.print(f"note: {note}")
    Console().print(size_table(report, archive))
    messages.print(f"built in {seconds:.1f} s")


def size_table(report: Package, archive: Archive | None) -> Table:
    """Return a table of each part's size, before and after, and its share of Lambda's limit."""
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
