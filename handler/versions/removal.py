"""Delete an index from its store."""

from handler.versions.layout import Layout
from handler.versions.lease import Lease
from handler.versions.repository import IndexRepository


def delete_index(repository: IndexRepository) -> None:
    """Delete an index: the pointer first, so that what an interruption leaves is no index.

    Functions that have it loaded answer from memory until they see that the pointer is gone.

    Raises:
        LeaseHeld: a run works on the index.
        StoreError: the store can't be read or written.
    """
    with Lease.take(repository):
        repository.folder.delete([Layout.POINTER])
        repository.folder.clear()
