"""querytower versions: the history of an index."""

from infra.cli.commands.options import IndexName, StoreUrl


def versions(store: StoreUrl, name: IndexName = "default") -> None:
    """List the versions of an index: time, documents, model, quality, size, and the current one."""
    from handler.errors import IndexUnavailable
    from handler.versions.repository import IndexRepository
    from infra.cli.reindex_view import show_versions

    repository = IndexRepository.open(store, name)
    found = [version.manifest for version in repository.versions()]
    try:
        pointer, _ = repository.pointer()
    except IndexUnavailable:
        if not found:
            raise
        show_versions(found, "", {})  # nothing was published yet, or the pointer is damaged
        return
    show_versions(found, pointer.version, dict(pointer.history))
