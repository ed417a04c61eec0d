"""querytower prune: remove old versions."""

from typing import Annotated

import typer

from infra.cli.commands.options import IndexName, StoreUrl


def prune(
    store: StoreUrl,
    name: IndexName = "default",
    keep: Annotated[int, typer.Option(help="Versions that stay, the newest ones.", min=1)] = 10,
    grace: Annotated[
        float,
        typer.Option(help="Seconds for which warm functions may need what was current.", min=0),
    ] = 900,
) -> None:
    """Remove old versions of an index, but never the current one, nor one that warm functions may still need."""
    from handler.storage.store import Store
    from handler.versions.manage import prune as remove
    from handler.versions.repository import IndexRepository

    removed = remove(IndexRepository(Store.open(store), name), keep, grace)
    print(
        f"{len(removed)} versions were removed" + "".join(f"\n  {version}" for version in removed)
    )
