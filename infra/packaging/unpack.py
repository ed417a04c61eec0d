"""Unpack a wheel without what the function never loads."""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from infra.packaging.elf import compact
from infra.packaging.trim import why_dropped
from infra.packaging.wheels import Wheel

SYMBOLS = "symbols and debug information"


@dataclass(frozen=True, slots=True)
class Trimmed:
    """Bytes of a file that were left out, and the reason."""

    path: str
    bytes: int
    reason: str


@dataclass(slots=True, kw_only=True)
class Unpacked:
    """A wheel's size as installed (`before`), the files that were unpacked, and what was not."""

    distribution: str
    before: int = 0
    files: list[str] = field(default_factory=list)
    trimmed: list[Trimmed] = field(default_factory=list)


def unpack(wheel: Wheel, folder: Path) -> Unpacked:
    """Unpack `wheel` into `folder`."""
    result = Unpacked(distribution=wheel.distribution)
    with zipfile.ZipFile(wheel.path) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            result.before += entry.file_size
            if reason := why_dropped(wheel.distribution, entry.filename):
                result.trimmed.append(Trimmed(entry.filename, entry.file_size, reason))
                continue
            content = compact(archive.read(entry))
            if len(content) < entry.file_size:
                result.trimmed.append(
                    Trimmed(entry.filename, entry.file_size - len(content), SYMBOLS)
                )
            target = folder / entry.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            result.files.append(entry.filename)
    return result
