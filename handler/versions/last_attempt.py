"""Notes in the store about corpora that led to no new version, so that no run repeats them."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal, Self

from handler.errors import ObjectNotFound, StoreError
from handler.versions.repository import IndexRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class LastAttempt:
    """The outcome for one corpus and its settings; `inputs` is the digest of both.

    Either the corpus holds the same documents as `version`, or it was built as `version`, which
    failed for these `reasons`.
    """

    kind: Literal["same", "failed"]
    inputs: str
    version: str
    reasons: list[str]

    @classmethod
    def read(cls, repository: IndexRepository) -> Self | None:
        """Return the note, if there is one that can be read."""
        with suppress(ObjectNotFound, ValueError, TypeError):
            return cls(**json.loads(repository.store.get(repository.layout.last_attempt)[0]))
        return None

    def write(self, repository: IndexRepository) -> None:
        """Write the note over an older one."""
        data = (json.dumps(asdict(self), indent=2) + "\n").encode()
        repository.store.put(repository.layout.last_attempt, data)


def forget_attempts(repository: IndexRepository) -> None:
    """Remove all notes; one that can't be removed does no harm."""
    layout = repository.layout
    with suppress(StoreError):
        repository.store.delete([layout.last_attempt, layout.rolled_back])


def rolled_back(repository: IndexRepository) -> list[str]:
    """Return the digests of corpora whose versions were rolled back: they are not published again."""
    with suppress(ObjectNotFound, ValueError):
        found = json.loads(repository.store.get(repository.layout.rolled_back)[0])
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
    return []


def note_rolled_back(repository: IndexRepository, inputs: str) -> None:
    """Add the digest `inputs` to those of `rolled_back`."""
    digests = [each for each in rolled_back(repository) if each != inputs]
    data = json.dumps([*digests, inputs], indent=1) + "\n"
    repository.store.put(repository.layout.rolled_back, data.encode())
