"""Files that a manifest names: measured, checked, and the manifest itself read."""

import hashlib
import mmap
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from handler.errors import QuerytowerError
from handler.stored_json import Garbled, Sha256, bound, read_json, shortened

MANIFEST = "manifest.json"
# Names are ours and short. File systems end at 255 bytes.
MAX_NAME_CHARS = 200

T = TypeVar("T")

REMOVAL_TRIES = 20
REMOVAL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Size and checksum of one file of a bundle or an index version."""

    bytes: Annotated[int, bound(ge=0, le=1 << 44)]
    sha256: Sha256

    @classmethod
    def of(cls, path: Path) -> Self:
        """Measure the file at `path`."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            # Hashed by one call: after each one, a thread waits for others that are busy with Python.
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
            return cls(size, hashlib.sha256(data).hexdigest())


def measure_files(
    folder: Path, known: Mapping[Path, FileEntry] | None = None
) -> dict[str, FileEntry]:
    """Measure every file below `folder` but the manifest and locks; keys are relative POSIX paths.

    Links to the files in `known`, by absolute path, are not read.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and _is_kept(path))
    measured = known or {}
    return {
        path.relative_to(folder).as_posix(): measured.get(path.resolve()) or FileEntry.of(path)
        for path in paths
    }


def _is_kept(path: Path) -> bool:
    return path.name != MANIFEST and path.suffix != ".lock"


def link_files(source: Path, target: Path) -> None:
    """Link to every file in the folder `source`, locks left out, from the folder `target`.

    Whoever writes in `target` must replace a link, and never write through it.
    """
    for path in source.iterdir():
        if path.is_file() and _is_kept(path):
            (target / path.name).symlink_to(path.resolve())


def check_file(folder: Path, name: str, entry: FileEntry, error: type[QuerytowerError]) -> None:
    """Raise `error` unless the file `name` below `folder` has the size and sha256 of `entry`."""
    path = folder / name
    if not path.is_file():
        raise error(f"{path} is missing; export or index again")
    found = FileEntry.of(path)
    if found != entry:
        raise error(
            f"{path} is not the file its manifest describes: {found.bytes} bytes, sha256 {found.sha256[:12]}…, "
            f"expected {entry.bytes} bytes, sha256 {entry.sha256[:12]}…; it is incomplete or was altered"
        )


@dataclass(frozen=True, slots=True)
class _Format:
    format: Any


def read_manifest(
    kind: type[T], data: bytes, origin: str, newest: int, error: type[QuerytowerError], remedy: str
) -> T:
    """Return the manifest that `data` has as JSON.

    Args:
        kind: dataclass of the manifest, which has `files`.
        data: the text.
        origin: where it was found.
        newest: its format may be 1 to this.
        error: what is raised.
        remedy: what the reader of the error is to do.

    Raises:
        QuerytowerError: as `error`, the text is no manifest, has another format, or lacks or
            garbles a field.
    """
    try:
        version = read_json(_Format, data).format
    except Garbled as cause:
        raise error(f"{origin} is not a manifest: {cause}; {remedy}") from None
    if type(version) is not int or not 1 <= version <= newest:
        raise error(
            f"{origin} has format {shortened(repr(version))}, "
            f"this querytower reads 1 to {newest}; update querytower"
        )
    try:
        manifest = read_json(kind, data)
    except Garbled as cause:
        raise error(f"{origin} lacks or garbles a field: {cause}; {remedy}") from None
    for name in getattr(manifest, "files", ()):
        if not _is_inside(name):
            raise error(
                f"{origin} names a file outside its folder: {shortened(name)!r}; do not use it"
            )
    return manifest


def _is_inside(name: str) -> bool:
    """Tell whether a name is a relative path below a folder that every file system takes."""
    parts = name.split("/")
    plain = name.isprintable() and "\\" not in name and len(name) <= MAX_NAME_CHARS
    return plain and all(part not in ("", ".", "..") for part in parts)


def remove_tree(folder: Path) -> None:
    """Remove a folder; a thread of Tantivy may still make files in it for a moment.

    Raises:
        OSError: it can't be removed.
    """
    for _ in range(REMOVAL_TRIES):
        with suppress(OSError):
            shutil.rmtree(folder)
            return
        time.sleep(REMOVAL_SECONDS)
    shutil.rmtree(folder)
