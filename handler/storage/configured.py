"""The store that the settings name."""

from handler.settings import SettingError, Settings
from handler.storage.store import Store


def open_store(settings: Settings) -> Store:
    """Return the store of the settings; nothing is contacted yet.

    Raises:
        SettingError: no store is set.
        StoreError: the store's URL can't be used.
    """
    if not settings.store:
        raise SettingError(
            "QUERYTOWER_STORE is not set; set it to the folder or URL that holds the indexes"
        )
    return Store.open(settings.store, timeout=settings.store_timeout)
