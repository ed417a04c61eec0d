"""The pointer to the published version of an index: read, and replaced by compare-and-swap."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Self

from handler.errors import IndexUnavailable, LostRace, ObjectNotFound, StoreError
from handler.index.manifest import INDEX_FORMAT, IndexFiles
from handler.storage.store import Store

REMEMBERED = 20


@dataclass(frozen=True, slots=True)
class Pointer:
    """Contents of current.json: the published version, the sha256 of its manifest, and since when (UTC).

    `history` has the versions that were current before, with the times at which they became so, oldest first.
    """

    version: str
    manifest_sha256: str
    published: str
    history: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def parse(cls, data: bytes, origin: str) -> Self:
        """Read the text of a pointer that was found at `origin`.

        Raises:
            IndexUnavailable: it is none, or has a newer format.
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
        if not (isinstance(pointer.version, str) and pointer.version.replace("-", "").isalnum()):
            raise IndexUnavailable(
                f"{origin} names a version that is no name: {pointer.version!r}; index again"
            )
        return pointer


def check_name(name: str) -> None:
    """Raise StoreError unless `name` can name an index: letters, digits, - and _, 64 at most."""
    if not (
        0 < len(name) <= 64 and name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    ):
        raise StoreError(f"{name!r} can't name an index; use up to 64 letters, digits, - and _")


def read_pointer(store: Store, name: str) -> tuple[Pointer, str]:
    """Return the pointer of index `name` and its ETag.

    Raises:
        IndexUnavailable: the store has no index of this name.
    """
    path = IndexFiles.current(name)
    try:
        data, etag = store.get(path)
    except ObjectNotFound as cause:
        known = ", ".join(index_names(store)) or "none"
        raise IndexUnavailable(
            f"{store.url} has no index {name!r} (indexes there: {known}); "
            f"make it with: querytower index CORPUS --to {store.url} --name {name}"
        ) from cause
    return Pointer.parse(data, f"{store.url}/{path}"), etag


def index_names(store: Store) -> list[str]:
    """Return the names of the published indexes of a store, sorted."""
    paths = (each.path.split("/") for each in store.list("indexes"))
    return sorted(parts[1] for parts in paths if len(parts) == 3 and parts[2] == "current.json")


def manifest_text(store: Store, name: str, pointer: Pointer) -> bytes:
    """Return the manifest of the version that `pointer` names, as it was published.

    Raises:
        IndexUnavailable: it is missing, or another one.
        StoreError: the store fails.
    """
    path = f"{IndexFiles.version(name, pointer.version)}/{IndexFiles.MANIFEST}"
    try:
        data, _ = store.get(path)
    except ObjectNotFound as cause:
        raise IndexUnavailable(
            f"{store.url}/{path} is missing; roll back, or index again"
        ) from cause
    if hashlib.sha256(data).hexdigest() != pointer.manifest_sha256:
        raise IndexUnavailable(
            f"{store.url}/{path} is not the one published; roll back, or index again"
        )
    return data


def publish(store: Store, name: str, version: str, expected: str | None) -> Pointer:
    """Point index `name` to an uploaded version, if the pointer still has the ETag `expected` (None: no pointer).

    Raises:
        LostRace: somebody else published meanwhile; the pointer is theirs.
    """
    manifest, _ = store.get(f"{IndexFiles.version(name, version)}/{IndexFiles.MANIFEST}")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    history = _history(store, name) if expected else []
    pointer = Pointer(version, hashlib.sha256(manifest).hexdigest(), now, history)
    data = (json.dumps({"format": INDEX_FORMAT, **asdict(pointer)}, indent=2) + "\n").encode()
    path = IndexFiles.current(name)
    try:
        if expected is None:
            store.create(path, data)
        else:
            store.replace(path, data, expected)
    except LostRace as cause:
        raise LostRace(
            f"index {name!r} in {store.url} was published by somebody else meanwhile; "
            f"version {version} is uploaded but not current; run again to publish on top of theirs"
        ) from cause
    return pointer


def _history(store: Store, name: str) -> list[tuple[str, str]]:
    try:
        old, _ = read_pointer(store, name)
    except IndexUnavailable:
        return []
    return [*old.history, (old.version, old.published)][-REMEMBERED:]
