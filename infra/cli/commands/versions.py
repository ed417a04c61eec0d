"""querytower versions: the history of an index."""

from infra.cli.commands.options import IndexName, StoreUrl


def versions(store: StoreUrl, name: IndexName = "default") -> None:
    """List the versions of an index: when, documents, model, quality, size, and which is current."""
    from handler.errors import IndexUnavailable
    from handler.storage.store import Store
    from handler.versions.catalog import versions as find
    from handler.versions.pointer import read_pointer
    from infra.cli.reindex_view import show_versions

    opened = Store.open(store)
    found = find(opened, name)
    try:
        pointer, _ = read_pointer(opened, name)
    except IndexUnavailable:
        if not found:
            raise
        show_versions(found, "", {})  # nothing was published yet, or the pointer is damaged
        return
    show_versions(found, pointer.version, dict(pointer.history))
