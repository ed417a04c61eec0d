"""querytower rollback: go back to an earlier version."""

from typing import Annotated

import typer

from infra.cli.commands.options import AsJson, IndexName, StoreUrl


def rollback(
    store: StoreUrl,
    version: Annotated[
        str,
        typer.Argument(
            help="Name of a version, from querytower versions; default: the one before."
        ),
    ] = "",
    name: IndexName = "default",
    as_json: AsJson = False,
) -> None:
    """Make an earlier VERSION current; functions follow within their poll interval."""
    from handler.versions.repository import IndexRepository
    from handler.versions.rollback import rollback as run
    from infra.cli.as_json import print_json

    pointer = run(IndexRepository.open(store, name), version)
    if as_json:
        print_json({"version": pointer.version, "published": pointer.published})
        return
    print(f"version {pointer.version} is current since {pointer.published}")
