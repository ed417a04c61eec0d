"""Compare two versions: their documents, and what the golden queries find in each."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from handler.errors import IndexUnavailable, ObjectNotFound
from handler.index.manifest import IndexFiles
from handler.quality.changes import Changes
from handler.quality.drift import Moved, moved_queries, profile_in
from handler.quality.profile import Profile
from handler.storage.store import Store
from handler.versions.catalog import fetch_version, versions


@dataclass(frozen=True, slots=True)
class Difference:
    """Documents and queries that two versions differ in."""

    documents: Changes
    queries: list[Moved]
    compared: int


def diff(store: Store, name: str, one: str, other: str) -> Difference:
    """Compare version `one` with version `other`: their documents, and what the golden queries found in each.

    Raises:
        IndexUnavailable: one of them doesn't exist or is damaged.
        StoreError: the store fails.
    """
    known = {manifest.version: manifest for manifest in versions(store, name)}
    for version in (one, other):
        if version not in known:
            raise IndexUnavailable(
                f"index {name!r} has no version {version!r}; querytower versions lists them"
            )
    with tempfile.TemporaryDirectory(prefix="querytower-") as scratch:
        old, new = (
            fetch_version(store, known[version], Path(scratch))[0] for version in (one, other)
        )
        changes = Changes.between(old, new)
    profiles = [_profile(store, name, version) for version in (one, other)]
    moved = moved_queries(profiles[0], profiles[1]) if profiles[0] and profiles[1] else []
    return Difference(changes, [each for each in moved if each.kept < each.before], len(moved))


def _profile(store: Store, name: str, version: str) -> Profile | None:
    try:
        return profile_in(store.get(f"{IndexFiles.version(name, version)}/{IndexFiles.DRIFT}")[0])
    except ObjectNotFound:
        return None
