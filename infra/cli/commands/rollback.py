"""querytower rollback: go back to an earlier version."""

from typing import Annotated

import typer

from infra.cli.commands.options import IndexName, StoreUrl


def rollback(
    store: StoreUrl,
    version: Annotated[
        str,
        typer.Argument(
            help="Name of a version, from querytower versions; default: the one before."
        ),
    ] = "",
    name: IndexName = "default",
) -> None:
    """Make an earlier VERSION current; functions follow within their poll interval."""
    from handler.versions.repository import IndexRepository
    from handler.versions.rollback import rollback as run

    pointer = run(IndexRepository.open(store, name), version)
    print(f"version {pointer.version} is current since {pointer.published}")
