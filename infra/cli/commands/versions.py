"""querytower versions: the history of an index."""

from infra.cli.commands.options import AsJson, IndexName, StoreUrl


def versions(store: StoreUrl, name: IndexName = "default", as_json: AsJson = False) -> None:
    """List the versions of an index: time, documents, model, quality, size, and the current one."""
    from handler.errors import IndexUnavailable
    from handler.versions.repository import IndexRepository
    from infra.cli.as_json import print_json
    from infra.cli.reindex_view import described_versions, show_versions

    repository = IndexRepository.open(store, name)
    found = [version.manifest for version in repository.versions()]
    try:
        pointer, _ = repository.pointer()
    except IndexUnavailable:
        if not found:
            raise
        # Nothing was published yet, or the pointer is damaged.
        current, published = "", {}
    else:
        current, published = pointer.version, dict(pointer.history)
    if as_json:
        print_json(described_versions(found, current, published))
    else:
        show_versions(found, current, published)
