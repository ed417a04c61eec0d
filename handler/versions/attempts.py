"""Notes in the store about runs that led to no new version, so that they are not repeated."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Literal

from handler.errors import ObjectNotFound, StoreError
from handler.stored_json import Garbled, read_json
from handler.versions.layout import Layout
from handler.versions.pointer import VersionName
from handler.versions.stored_folder import StoredFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class LastAttempt:
    """The result of the last run that published nothing.

    `inputs` is the digest of its corpus and settings. "same": the corpus holds the documents of
    `version`. "failed": the run made `version`, which must not be published for these `reasons`.
    """

    kind: Literal["same", "failed"]
    inputs: str
    version: VersionName
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Attempts:
    """The notes in the `folder` of an index."""

    folder: StoredFolder

    def last(self) -> LastAttempt | None:
        """Return the note about the last attempt, or None if there is none that can be read."""
        with suppress(ObjectNotFound, Garbled):
            return read_json(LastAttempt, self.folder.get(Layout.LAST_ATTEMPT)[0])
        return None

    def note(self, attempt: LastAttempt) -> None:
        """Write the note about the last attempt."""
        text = json.dumps(asdict(attempt), indent=2) + "\n"
        self.folder.put(Layout.LAST_ATTEMPT, text.encode())

    def rolled_back(self) -> list[str]:
        """Return the digests of corpora and settings whose versions were rolled back.

        They are not published again.
        """
        with suppress(ObjectNotFound, Garbled):
            return read_json(list[str], self.folder.get(Layout.ROLLED_BACK)[0])
        return []

    def note_rolled_back(self, inputs: str) -> None:
        """Add a digest to those of `rolled_back`."""
        known = [each for each in self.rolled_back() if each != inputs]
        text = json.dumps([*known, inputs], indent=1) + "\n"
        self.folder.put(Layout.ROLLED_BACK, text.encode())

    def forget(self) -> None:
        """Remove all notes; a note that can't be removed does no harm."""
        with suppress(StoreError):
            self.folder.delete([Layout.LAST_ATTEMPT, Layout.ROLLED_BACK])
