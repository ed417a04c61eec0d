"""A function as a worker: it encodes the one slice that the event names."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from handler.encoder import Encoder
from handler.errors import InvalidRequest
from handler.reindex.parts import Workshop
from handler.settings import Settings
from handler.staging import scratch_folder
from handler.storage.configured import open_store
from handler.versions.repository import IndexRepository

KEY = re.compile(r"(?:.*/)?indexes/([\w-]+)/work/([0-9a-f]{16})/slices/([0-9a-f]{32})")


def encode(settings: Settings, event: Mapping[str, Any]) -> dict[str, Any]:
    """Make the part of a slice, and return how many documents it has; 0 if it was made before.

    Args:
        settings: settings of the function.
        event: `encode` is the key of the slice in the bucket of the store.

    Raises:
        InvalidRequest: the key is none of a slice of the function's index.
        ModelError: the run needs another model than the function's.
        StoreError: the store fails, or the slice is gone.
    """
    found = KEY.fullmatch(str(event["encode"]))
    if not found or found[1] != settings.index:
        raise InvalidRequest(
            f"encode is {str(event['encode'])[:200]!r}, which is no slice of index "
            f"{settings.index!r}; the state machine of template.yaml sends the right keys"
        )
    repository = IndexRepository(open_store(settings), settings.index)
    workshop = Workshop(repository.work.folder(found[2]))
    with scratch_folder() as scratch:
        documents = workshop.encode(found[3], _encoder(settings), scratch)
    return {"outcome": "encoded", "documents": documents}


@lru_cache(1)
def _encoder(settings: Settings) -> Encoder:
    """Open the model once for all slices that this process encodes."""
    return Encoder.open(settings.model_folder, settings.threads)
