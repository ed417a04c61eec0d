"""The pointer to the published version of an index: its contents, read and written."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Self

from handler.errors import IndexUnavailable
from handler.index.manifest import INDEX_FORMAT

REMEMBERED = 20
"""Versions that the history of a pointer holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """The published version, the sha256 of its manifest, and when it was published (UTC).

    `history` has the versions that were current before, each with the time at which it became
    current, oldest first.
    """

    version: str
    manifest_sha256: str
    published: str
    history: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def to(cls, version: str, manifest: bytes, before: Self | None) -> Self:
        """Return a pointer to `version`, with this `manifest`, published now after `before`."""
        history = [*before.history, (before.version, before.published)] if before else []
        return cls(
            version=version,
            manifest_sha256=hashlib.sha256(manifest).hexdigest(),
            published=datetime.now(UTC).isoformat(timespec="seconds"),
            history=history[-REMEMBERED:],
        )

    @classmethod
    def parse(cls, data: bytes, origin: str) -> Self:
        """Read the text of a pointer that was found at `origin`.

        Raises:
            IndexUnavailable: the text is not a pointer, or has a newer format.
        """
        try:
            raw = json.loads(data)
            newer = raw.pop("format") > INDEX_FORMAT
            raw["history"] = [(version, since) for version, since in raw.get("history", [])]
            pointer = cls(**raw) if not newer else None
        except (ValueError, KeyError, TypeError, AttributeError) as cause:
            raise IndexUnavailable(
                f"{origin} is not a pointer to an index version: {cause}; index again"
            ) from cause
        if pointer is None:
            raise IndexUnavailable(f"{origin} was written by a newer querytower; update querytower")
        if not (isinstance(pointer.version, str) and pointer.version.replace("-", "").isalnum()):
            raise IndexUnavailable(
                f"{origin} names a version that can't exist: {pointer.version!r}; index again"
            )
        return pointer

    def to_json(self) -> bytes:
        """Render as the text of the pointer's file."""
        return (json.dumps({"format": INDEX_FORMAT, **asdict(self)}, indent=2) + "\n").encode()
