"""querytower prune: remove old versions."""

from typing import Annotated

import typer

from infra.cli.commands.options import AsJson, IndexName, StoreUrl


def prune(
    store: StoreUrl,
    name: IndexName = "default",
    keep: Annotated[int, typer.Option(help="Number of newest versions that stay.", min=1)] = 10,
    grace: Annotated[
        float,
        typer.Option(
            help="Seconds for which warm functions may still download what was current.", min=0
        ),
    ] = 900,
    as_json: AsJson = False,
) -> None:
    """Remove old versions of an index, but none that functions may still need."""
    from handler.versions.prune import kept_versions
    from handler.versions.prune import prune as run
    from handler.versions.repository import IndexRepository
    from infra.cli.as_json import print_json

    repository = IndexRepository.open(store, name)
    removed = run(repository, keep, grace)
    kept = kept_versions(repository, keep, grace)
    if as_json:
        print_json({"removed": removed, "kept": kept})
        return
    print(f"{len(removed)} versions were removed", *removed, sep="\n  ")
    if not removed:
        print("each that is left is kept for a reason:")
        for version, reason in kept.items():
            print(f"  {version}: {reason}")
        print("--keep and --grace keep fewer; the current version always stays")
