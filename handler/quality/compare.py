"""Compare two stored versions: their documents, and what the golden queries find in each."""

from dataclasses import dataclass

from handler.errors import IndexUnavailable
from handler.index.manifest import IndexFiles
from handler.quality.changes import Changes
from handler.quality.drift import MovedQuery, moved_queries, profile_in
from handler.quality.profile import Profile
from handler.staging import scratch_folder
from handler.versions.repository import IndexRepository
from handler.versions.stored_version import StoredVersion


@dataclass(frozen=True, slots=True)
class Difference:
    """Documents and queries in which two versions differ; `compared` counts the queries of both."""

    documents: Changes
    queries: list[MovedQuery]
    compared: int


def compare_versions(repository: IndexRepository, one: str, other: str) -> Difference:
    """Compare the version called `one` with the version called `other`.

    Raises:
        IndexUnavailable: one of them doesn't exist or is damaged.
        StoreError: the store fails.
    """
    known = {version.name: version for version in repository.versions()}
    for version in (one, other):
        if version not in known:
            raise IndexUnavailable(
                f"index {repository.name!r} has no version {version!r}; "
                "list them with: querytower versions"
            )
    with scratch_folder() as scratch:
        old = known[one].open(scratch)
        new = known[other].open(scratch)
        changes = Changes.between(old, new)
    before, now = profile_of(known[one]), profile_of(known[other])
    queries = moved_queries(before, now) if before and now else []
    moved = [each for each in queries if each.kept < each.before]
    return Difference(changes, moved, len(queries))


def profile_of(version: StoredVersion) -> Profile | None:
    """Return the profile in a version's drift report, or None if there is none.

    Raises:
        StoreError: the store can't be read.
    """
    report = version.read(IndexFiles.DRIFT)
    return profile_in(report) if report else None
