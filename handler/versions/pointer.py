"""The pointer to the published version of an index: its contents, read and written."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Self

from handler.errors import IndexUnavailable
from handler.index.manifest import INDEX_FORMAT
from handler.stored_json import Count, Garbled, Name, Sha256, bound, read_json, shortened

VersionName = Annotated[str, bound(pattern="^[A-Za-z0-9][A-Za-z0-9-]{0,99}$")]

REMEMBERED = 20
"""Versions that the history of a pointer holds."""


@dataclass(frozen=True, slots=True)
class _Format:
    format: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """The published version, the sha256 of its manifest, and when it was published (UTC).

    `history` has the versions that were current before, each with the time at which it became
    current, oldest first.
    """

    version: VersionName
    manifest_sha256: Sha256
    published: Name
    history: Annotated[list[tuple[Name, Name]], bound(max_length=1000)] = field(
        default_factory=list
    )

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
            if read_json(_Format, data).format > INDEX_FORMAT:
                raise IndexUnavailable(
                    f"{origin} was written by a newer querytower; update querytower"
                )
            pointer = read_json(cls, data)
            for time in (pointer.published, *(since for _, since in pointer.history)):
                _check_time(time)
        except Garbled as cause:
            raise IndexUnavailable(
                f"{origin} is not a pointer to an index version: {cause}; "
                "choose a version with querytower rollback, or index again"
            ) from None
        return pointer

    def to_json(self) -> bytes:
        """Render as the text of the pointer's file."""
        return (json.dumps({"format": INDEX_FORMAT, **asdict(self)}, indent=2) + "\n").encode()


def _check_time(text: str) -> None:
    """Raise Garbled unless this is a time with its zone."""
    with suppress(ValueError):
        if datetime.fromisoformat(text).tzinfo:
            return
    raise Garbled(f"{shortened(text)!r} is not a time")
