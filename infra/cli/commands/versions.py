"""querytower versions: the history of an index."""

from infra.cli.commands.options import IndexName, StoreUrl


def versions(store: StoreUrl, name: IndexName = "default") -> None:
    """List the versions of an index: when, documents, model, quality, size, and which is current."""
    from handler.errors import IndexUnavailable
    from handler.storage.store import Store
    from handler.versions.repository import IndexRepository
    from infra.cli.reindex_view import show_versions

    repository = IndexRepository(Store.open(store), name)
    manifests = repository.manifests()
    try:
        pointer, _ = repository.pointer()
    except IndexUnavailable:
        if not manifests:
            raise
        # Nothing was published yet, or the pointer is damaged.
        show_versions(manifests, "", {})
        return
    show_versions(manifests, pointer.version, dict(pointer.history))
