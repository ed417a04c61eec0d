"""querytower indexes: what a store holds."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.commands.options import AsJson, StoreUrl

if TYPE_CHECKING:
    from infra.status.state import IndexState

indexes = typer.Typer(
    help="List the indexes of a store, or delete one.", invoke_without_command=True
)


@indexes.callback()
def show(
    context: typer.Context,
    store: Annotated[
        str, typer.Option("--store", "--to", envvar="QUERYTOWER_STORE", help="Folder or URL.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List the indexes of a store: current version, documents, size, time of publication."""
    if context.invoked_subcommand:
        return
    if not store:
        raise typer.BadParameter("name the store: --store FOLDER or URL, or QUERYTOWER_STORE")
    from infra.cli.as_json import print_json
    from infra.status.state import index_states

    found = index_states(store)
    if as_json:
        print_json([asdict(each) for each in found])
    elif found:
        _print_table(found)
    else:
        print(f"{store} has no index; make one with: querytower index CORPUS --to {store}")


@indexes.command()
def delete(
    name: Annotated[str, typer.Argument(help="Name of the index.")],
    store: StoreUrl,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete an index with all its versions and golden queries. It cannot be taken back."""
    from handler.versions.removal import delete_index
    from handler.versions.repository import IndexRepository

    repository = IndexRepository.open(store, name)
    pointer, _ = repository.pointer()
    if not yes:
        question = f"Delete {name!r} in {store}, current version {pointer.version}, for good?"
        typer.confirm(question, abort=True)
    delete_index(repository)
    print(f"index {name!r} was deleted")


def _print_table(found: "Sequence[IndexState]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("index", "version", "published (UTC)", "documents", "passages", "MB")
    for each in found:
        if not each.version:
            table.add_row(each.name, "; ".join(each.problems))
            continue
        table.add_row(
            each.name,
            each.version,
            each.published[:16].replace("T", " "),
            f"{each.documents:,}",
            f"{each.passages:,}",
            f"{each.bytes / 1e6:.1f}",
        )
    Console().print(table)
