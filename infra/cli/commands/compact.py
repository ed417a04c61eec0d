"""querytower compact: rewrite an index in one segment."""

from pathlib import Path

from infra.cli.commands.options import IndexName, ModelFolder, StoreUrl


def compact(
    store: StoreUrl, name: IndexName = "default", model: ModelFolder = Path("model")
) -> None:
    """Publish the current version again without what is gone; nothing is encoded.

    Reindexing does that by itself when a fifth is gone.
    """
    from handler.encoder import Encoder
    from handler.reindex.compact import compact as run
    from handler.versions.repository import IndexRepository
    from infra.cli.index_view import shown

    with shown() as progress:
        encoder = Encoder.open(model)
        manifest = run(IndexRepository.open(store, name), encoder, progress=progress)
    if manifest is None:
        print("the current version is compact already")
    else:
        print(f"version {manifest.version} is current")
