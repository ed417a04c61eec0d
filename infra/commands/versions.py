"""querytower versions: the history of an index."""

from infra.commands.options import IndexName, StoreUrl


def versions(store: StoreUrl, name: IndexName = "default") -> None:
    """List the versions of an index: when, documents, model, quality, size, and which is current."""
    from handler.index.versions import read_pointer
    from handler.reindex.history import versions as find
    from handler.store.store import Store
    from infra.reindexing import show_versions

    opened = Store.open(store)
    pointer, _ = read_pointer(opened, name)
    show_versions(find(opened, name), pointer.version, dict(pointer.history))
