"""The two Lance datasets of an index, pinned versions of them, and what to do when they fail."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from handler.errors import EngineUnavailable, InvalidRequest, MissingEngine, install_command
from handler.storage.connect import ENDPOINTS

try:
    import lance as lance
    import pyarrow
except ImportError as cause:
    raise MissingEngine(
        f"this index is served by Lance, which is not installed; run {install_command('lance')}, "
        "or serve it from the function: --serve function"
    ) from cause

PATIENCE = 5.0
"""Seconds after which a request that keeps failing is given up."""
FIRST_PAUSE = 0.05
TRANSIENT = (OSError, RuntimeError, TimeoutError)
STORAGE = {"client_max_retries": "2", "client_retry_timeout": "4", "request_timeout": "4s"}

Result = TypeVar("Result")
# pylance has no types for mypy.
Dataset = Any
arrow = pyarrow


def patiently(call: Callable[[], Result]) -> Result:
    """Return what `call` returns; while storage fails or throttles, it is called again.

    Raises:
        EngineUnavailable: it failed for PATIENCE seconds.
    """
    until, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
    while True:
        try:
            return call()
        except TRANSIENT as cause:
            if time.monotonic() + pause > until:
                what = str(cause).partition("\n")[0][:200]
                raise EngineUnavailable(f"Lance does not answer: {what}; try again") from cause
        time.sleep(pause)
        pause *= 2


@dataclass(frozen=True, slots=True)
class Datasets:
    """Where the documents and the passages of one index are, and how to reach them."""

    url: str
    storage: dict[str, str]

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the datasets of the index whose folder has this URL; nothing is opened yet.

        Raises:
            InvalidRequest: Lance can't keep anything there.
        """
        if url.startswith("memory:"):
            raise InvalidRequest("Lance keeps nothing in memory://; give a folder or a bucket")
        plain = any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS)
        storage = {**STORAGE, "allow_http": "true"} if plain else STORAGE
        return cls(f"{url.removeprefix('file://')}/lance", {} if "://" not in url else storage)

    def uri(self, name: str) -> str:
        """Return the URI of the dataset `name`, documents or passages."""
        return f"{self.url}/{name}.lance"

    def open(self, name: str, version: int | None = None) -> Dataset:
        """Open a dataset at a version, by default the newest.

        Raises:
            EngineUnavailable: storage fails.
            ValueError: there is no such dataset or version.
        """
        return patiently(
            lambda: lance.dataset(self.uri(name), version=version, storage_options=self.storage)
        )

    def newest(self, name: str) -> Dataset | None:
        """Return the newest version of a dataset, or None if there is none."""
        try:
            return self.open(name)
        except ValueError:
            return None

    def commit(self, name: str, operation: Any, read_version: int | None) -> Dataset:
        """Commit an operation upon a version, and return the dataset after it."""
        return lance.LanceDataset.commit(
            self.uri(name), operation, read_version=read_version, storage_options=self.storage
        )

    def write(self, name: str, table: Any, *, new: bool) -> list[Any]:
        """Write rows as fragments, which no reader sees before a commit."""
        return list(
            lance.fragment.write_fragments(
                table,
                self.uri(name),
                schema=table.schema,
                mode="overwrite" if new else "append",
                storage_options=self.storage,
            )
        )
