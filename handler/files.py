"""Files that a manifest names: measured, checked, and the manifest itself read."""

import hashlib
import json
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, Self

from handler.errors import QuerytowerError

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Size and checksum of one file of a bundle or an index version."""

    bytes: int
    sha256: str

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


def _file_entries(raw: Mapping[str, Any], error: type[QuerytowerError]) -> dict[str, FileEntry]:
    for name in raw:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
            raise error(
                f"manifest names a file outside its folder: {name!r}; do not use this bundle"
            )
    return {name: FileEntry(**entry) for name, entry in raw.items()}


def parse_manifest(
    text: str | bytes, origin: str, newest: int, error: type[QuerytowerError]
) -> dict[str, Any]:
    """Read a manifest's JSON and check its format, which may be 1 to `newest`; `origin` says where it was found.

    Raises:
        QuerytowerError: as `error`, the text is no manifest or has another format.
    """
    try:
        raw = json.loads(text)
        version = raw["format"]
    except (ValueError, KeyError, TypeError) as cause:
        raise error(f"{origin} is not a manifest: {cause}") from cause
    if not isinstance(version, int) or not 1 <= version <= newest:
        raise error(
            f"{origin} has format {version!r}, this querytower reads 1 to {newest}; update querytower"
        )
    return dict(raw)


def manifest_fields(
    kind: type[Any], raw: Mapping[str, Any], origin: str, error: type[QuerytowerError]
) -> dict[str, Any]:
    """Return the fields that the dataclass `kind` declares, with its `files` as entries.

    Raises:
        QuerytowerError: as `error`, a field is missing or names a file outside the folder.
    """
    try:
        known = {f.name: raw[f.name] for f in fields(kind)}
        return known | {"files": _file_entries(known["files"], error)}
    except (KeyError, TypeError, AttributeError) as cause:
        raise error(f"{origin} lacks or garbles a field: {cause}; make it anew") from cause
