"""querytower diff: how two versions differ."""

from typing import Annotated

import typer

from infra.cli.commands.options import AsJson, IndexName, StoreUrl


def diff(
    one: Annotated[str, typer.Argument(help="The version before.")],
    other: Annotated[str, typer.Argument(help="The version after.")],
    store: StoreUrl,
    name: IndexName = "default",
    as_json: AsJson = False,
) -> None:
    """Show documents that differ between two versions, and queries whose top hits changed."""
    from handler.quality.compare import compare_versions
    from handler.versions.repository import IndexRepository
    from infra.cli.as_json import print_json
    from infra.cli.reindex_view import show_difference

    difference = compare_versions(IndexRepository.open(store, name), one, other)
    if as_json:
        print_json(difference)
    else:
        show_difference(difference)
