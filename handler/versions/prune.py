"""Remove old versions of an index, and what interrupted uploads left."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from handler.index.manifest import IndexFiles
from handler.storage.store import StoredObject
from handler.versions.pointer import Pointer
from handler.versions.repository import IndexRepository

GRACE_SECONDS = 900.0
"""For how long a warm function may still want to download what was current."""
ABANDONED_SECONDS = 86_400.0
"""After that time, nobody completes an upload that has no manifest yet."""

LEFT_WORK_SECONDS = 7 * 86_400.0
"""No run goes on for so long, and none will continue with vectors that are older."""


def prune(
    repository: IndexRepository,
    keep: int,
    grace: float = GRACE_SECONDS,
    now: datetime | None = None,
) -> list[str]:
    """Remove all versions but the newest `keep`, and return the names of those removed.

    The current version stays, and so does each that is younger than `grace` seconds or was current
    within them. Uploads that ended without a manifest a day ago are removed too, and vectors that
    an interrupted run left a week ago. Then files that no
    version names are removed, if they are a day old: a run under way may have uploaded others.

    Raises:
        IndexUnavailable: the store has no such index.
        StoreError: the store can't be read or written.
    """
    now = now or datetime.now(UTC)
    kept = kept_versions(repository, keep, grace, now)
    found = repository.versions()
    whole = {each.name for each in found}
    folders: dict[str, list[str]] = {}
    for each in repository.versions_folder.list():
        version, _, name = each.path.partition("/")
        folders.setdefault(version, []).append(name)
    removed = [
        version
        for version in sorted({*folders}.difference(kept))
        if version in whole or _abandoned(version, folders[version], now)
    ]
    for version in removed:
        _remove(repository, version, folders[version])
    _sweep(repository, now)
    _vacuum(repository, {each.manifest.served["by"] for each in found if each.manifest.served})
    work = repository.work.list()
    repository.work.delete(each.path for each in work if _age_of(each, now) > LEFT_WORK_SECONDS)
    return removed


def kept_versions(
    repository: IndexRepository,
    keep: int,
    grace: float = GRACE_SECONDS,
    now: datetime | None = None,
) -> dict[str, str]:
    """Return the versions that `prune` keeps, each with the reason.

    Raises:
        IndexUnavailable: the store has no such index.
        StoreError: the store can't be read.
    """
    now = now or datetime.now(UTC)
    pointer, _ = repository.pointer()
    found = repository.versions()
    newest = [each.name for each in found if not each.manifest.failures][:keep]
    reasons = dict.fromkeys(newest, f"among the {keep} newest")
    for each in found:
        if _age(each.name, now) < grace:
            reasons[each.name] = f"made less than {grace:g} seconds ago"
    lately = f"current less than {grace:g} seconds ago"
    reasons |= dict.fromkeys(_lately_current(pointer, grace, now), lately)
    attempt = repository.attempts.last()
    if attempt and attempt.kind == "failed":
        reasons[attempt.version] = "the last attempt, which the gates refused"
    return reasons | {pointer.version: "current"}


def _sweep(repository: IndexRepository, now: datetime) -> None:
    """Remove files that no version names, unless a version can't be read or they are young.

    They are listed before the manifests: what a run publishes meanwhile is named or young.
    """
    files = repository.files.list()
    versions = {each.name: each.manifest for each in repository.versions()}
    for each in repository.versions_folder.list():
        version, _, name = each.path.partition("/")
        if name == IndexFiles.MANIFEST and version not in versions:
            return  # of a newer querytower, or damaged
    named = {entry.sha256 for manifest in versions.values() for entry in manifest.files.values()}
    unnamed = [each.path for each in files if each.path not in named and _is_old(each, now)]
    young = {each.path for each in repository.files.list() if not _is_old(each, now)}
    repository.files.delete(name for name in unnamed if name not in young)


def _vacuum(repository: IndexRepository, servings: set[str]) -> None:
    """Remove what engines keep for versions that are gone."""
    left = [each.manifest for each in repository.versions()] if servings else []
    for serving in servings:
        from handler.tiers.choose import tier_of

        tier_of(serving, repository.folder.url).vacuum(left)


def _is_old(each: StoredObject, now: datetime) -> bool:
    return _age_of(each, now) > ABANDONED_SECONDS


def _age_of(each: StoredObject, now: datetime) -> float:
    return (now - each.modified).total_seconds()


def _remove(repository: IndexRepository, version: str, names: Sequence[str]) -> None:
    """Remove a version, manifest first: what an interruption leaves is then no version."""
    folder = repository.version_folder(version)
    folder.delete(name for name in names if name == IndexFiles.MANIFEST)
    folder.clear()


def _age(version: str, now: datetime) -> float:
    """Return the seconds since the time in a version's name; 0 for names without one."""
    stamp = re.match(r"\d{8}T\d{6}(?=\d*-)", version)
    if not stamp:
        return 0.0
    made = datetime.strptime(stamp[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return (now - made).total_seconds()


def _abandoned(version: str, names: Sequence[str], now: datetime) -> bool:
    """Tell whether the files `names` belong to an upload that ended long ago without a manifest."""
    return IndexFiles.MANIFEST not in names and _age(version, now) > ABANDONED_SECONDS


def _lately_current(pointer: Pointer, grace: float, now: datetime) -> set[str]:
    """Return the versions that were replaced less than `grace` seconds ago."""
    entries = [*pointer.history, (pointer.version, pointer.published)]
    return {
        version
        for (version, _), (_, until) in pairwise(entries)
        if (now - datetime.fromisoformat(until)).total_seconds() < grace
    }
