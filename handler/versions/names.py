"""Names of indexes: which are possible, and which a store has."""

from handler.errors import StoreError
from handler.storage.store import Store
from handler.versions.layout import INDEXES, Layout


def check_name(name: str) -> None:
    """Check that `name` can name an index.

    Raises:
        StoreError: it has other characters than letters, digits, - and _, or more than 64 of them.
    """
    plain = name.replace("-", "").replace("_", "")
    if not (0 < len(name) <= 64 and name.isascii() and plain.isalnum()):
        raise StoreError(f"{name!r} can't name an index; use up to 64 letters, digits, - and _")


def index_names(store: Store) -> list[str]:
    """Return the names of the published indexes of a store, sorted.

    Raises:
        StoreError: the store can't be read.
    """
    paths = (each.path.split("/") for each in store.list(INDEXES))
    return sorted(parts[1] for parts in paths if len(parts) == 3 and parts[2] == Layout.POINTER)
