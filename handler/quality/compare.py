"""Compare two versions: their documents, and what the golden queries find in each."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from handler.errors import IndexUnavailable, ObjectNotFound
from handler.index.manifest import IndexFiles
from handler.quality.changes import Changes
from handler.quality.drift import Moved, moved_queries, profile_in
from handler.quality.profile import Profile
from handler.versions.repository import IndexRepository
from handler.versions.transfer import open_version


@dataclass(frozen=True, slots=True)
class Difference:
    """Documents and queries that two versions differ in."""

    documents: Changes
    queries: list[Moved]
    compared: int


def compare_versions(repository: IndexRepository, one: str, other: str) -> Difference:
    """Compare version `one` with version `other`: documents, and answers to golden queries.

    Raises:
        IndexUnavailable: one of them doesn't exist or is damaged.
        StoreError: the store fails.
    """
    known = {manifest.version: manifest for manifest in repository.manifests()}
    for version in (one, other):
        if version not in known:
            raise IndexUnavailable(
                f"index {repository.name!r} has no version {version!r}; "
                "querytower versions lists them"
            )
    with tempfile.TemporaryDirectory(prefix="querytower-") as scratch:
        old, _ = open_version(repository, known[one], Path(scratch))
        new, _ = open_version(repository, known[other], Path(scratch))
        changes = Changes.between(old, new)
    profiles = [_profile(repository, version) for version in (one, other)]
    moved = moved_queries(profiles[0], profiles[1]) if profiles[0] and profiles[1] else []
    return Difference(changes, [each for each in moved if each.kept < each.before], len(moved))


def _profile(repository: IndexRepository, version: str) -> Profile | None:
    try:
        return profile_in(repository.read(version, IndexFiles.DRIFT))
    except ObjectNotFound:
        return None
