"""The pointer to the published version of an index."""

import json
from dataclasses import asdict, dataclass, field
from typing import Self

from handler.errors import IndexUnavailable
from handler.index.manifest import INDEX_FORMAT

MAX_HISTORY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Contents of current.json: the published version, its manifest's sha256, and since when (UTC).

    `history` has the versions that were current before, oldest first, each with the time at which
    it became current.
    """

    version: str
    manifest_sha256: str
    published: str
    history: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def parse(cls, data: bytes, origin: str) -> Self:
        """Read the text of a pointer that was found at `origin`.

        Raises:
            IndexUnavailable: it is not a pointer, or has a newer format.
        """
        try:
            raw = json.loads(data)
            newer = raw.pop("format") > INDEX_FORMAT
            raw["history"] = [(version, since) for version, since in raw.get("history", [])]
            pointer = cls(**raw) if not newer else None
        except (ValueError, KeyError, TypeError, AttributeError) as cause:
            raise IndexUnavailable(
                f"{origin} is no pointer to an index version: {cause}; index again"
            ) from cause
        if pointer is None:
            raise IndexUnavailable(f"{origin} was written by a newer querytower; update querytower")
        version = pointer.version
        if not (isinstance(version, str) and version.replace("-", "").isalnum()):
            raise IndexUnavailable(
                f"{origin} names a version that is no name: {version!r}; index again"
            )
        return pointer

    def to_json(self) -> bytes:
        """Render as the text of current.json."""
        return (json.dumps({"format": INDEX_FORMAT, **asdict(self)}, indent=2) + "\n").encode()

    def past(self) -> list[tuple[str, str]]:
        """Return the history that a pointer to the next version has."""
        return [*self.history, (self.version, self.published)][-MAX_HISTORY:]
