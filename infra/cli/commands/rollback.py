"""querytower rollback: go back to an earlier version."""

from typing import Annotated

import typer

from infra.cli.commands.options import IndexName, StoreUrl


def rollback(
    store: StoreUrl,
    version: Annotated[
        str, typer.Argument(help="A name that querytower versions lists; else the one before.")
    ] = "",
    name: IndexName = "default",
) -> None:
    """Make an earlier VERSION current; searches follow within their poll interval."""
    from handler.storage.store import Store
    from handler.versions.manage import rollback as go_back
    from handler.versions.repository import IndexRepository

    pointer = go_back(IndexRepository(Store.open(store), name), version)
    print(f"version {pointer.version} is current since {pointer.published}")
