"""querytower diff: what two versions differ in."""

from typing import Annotated

import typer

from infra.cli.commands.options import IndexName, StoreUrl


def diff(
    one: Annotated[str, typer.Argument(help="The version before.")],
    other: Annotated[str, typer.Argument(help="The version after.")],
    store: StoreUrl,
    name: IndexName = "default",
) -> None:
    """Show documents added, removed and changed from one version to another, and queries whose top hits moved."""
    from handler.quality.compare import compare_versions
    from handler.storage.store import Store
    from handler.versions.repository import IndexRepository
    from infra.cli.reindex_view import show_difference

    repository = IndexRepository(Store.open(store), name)
    show_difference(compare_versions(repository, one, other))
