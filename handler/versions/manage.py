"""Roll an index back to an earlier version, and remove old versions."""

import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from handler.errors import IndexUnavailable
from handler.index.manifest import IndexFiles, IndexManifest
from handler.versions.last_attempt import LastAttempt, forget_attempts, note_rolled_back
from handler.versions.pointer import Pointer
from handler.versions.repository import IndexRepository
from handler.versions.transfer import open_version

# Seconds for which a warm function may still download a version that is no longer current.
GRACE_SECONDS = 900.0
# Seconds after which files without a manifest belong to an upload that was given up.
ABANDONED_SECONDS = 86_400.0


def rollback(repository: IndexRepository, version: str = "") -> Pointer:
    """Make `version` current, by default the newest good one older than the current version.

    The corpus of the version left is noted: a scheduled run doesn't publish that very corpus
    again.

    Raises:
        IndexUnavailable: there is no such version, or it is damaged.
        LostRace: somebody else published meanwhile.
        StoreError: the store fails.
    """
    known = {manifest.version: manifest for manifest in repository.manifests()}
    pointer, etag = _pointer(repository) if known else repository.pointer()
    current = pointer.version if pointer else ""
    target = version or _newest_older(known.values(), current)
    name = repository.name
    if not target:
        raise IndexUnavailable(
            f"index {name!r} has no version older than {current or 'its candidates'}; "
            "querytower versions lists all"
        )
    if target not in known:
        raise IndexUnavailable(
            f"index {name!r} has no version {target!r}; querytower versions lists those that it has"
        )
    _check_intact(repository, known[target])
    if pointer and target == current:
        return pointer
    new = repository.publish(target, etag)
    if current in known and target < current:
        note_rolled_back(repository, known[current].corpus.get("inputs", ""))
    else:
        forget_attempts(repository)
    return new


def prune(
    repository: IndexRepository,
    keep: int,
    grace: float = GRACE_SECONDS,
    now: datetime | None = None,
) -> list[str]:
    """Remove all versions but the newest `keep`, and what interrupted uploads left.

    The current version stays, and so does one that is younger than `grace` seconds or was
    current within that time.

    Returns:
        The names of the versions removed, sorted.

    Raises:
        IndexUnavailable: the store has no such index.
        StoreError: the store can't be read or written.
    """
    pointer, _ = repository.pointer()
    now = now or datetime.now(UTC)
    manifests = repository.manifests()
    kept = _kept(repository, pointer, manifests, keep, grace, now)
    complete = {each.version for each in manifests}
    paths = _paths_by_version(repository)
    removed = []
    for version in sorted(paths.keys() - kept):
        if version in complete or _is_abandoned(version, paths[version], now):
            _remove(repository, version, paths[version])
            removed.append(version)
    return removed


def _kept(
    repository: IndexRepository,
    pointer: Pointer,
    manifests: Sequence[IndexManifest],
    keep: int,
    grace: float,
    now: datetime,
) -> set[str]:
    """Return the versions that `prune` keeps; its parameters, and all manifests, newest first."""
    good = [each.version for each in manifests if not each.failures]
    young = [each.version for each in manifests if _age(each.version, now) < grace]
    kept = {pointer.version, *good[:keep], *young, *_recently_current(pointer, grace, now)}
    attempt = LastAttempt.read(repository)
    if attempt and attempt.kind == "failed":
        kept.add(attempt.version)  # somebody may want to inspect the candidate
    return kept


def _paths_by_version(repository: IndexRepository) -> dict[str, list[str]]:
    layout = repository.layout
    paths: dict[str, list[str]] = {}
    for each in repository.store.list(layout.versions):
        paths.setdefault(layout.version_of(each.path), []).append(each.path)
    return paths


def _remove(repository: IndexRepository, version: str, paths: Sequence[str]) -> None:
    store, layout = repository.store, repository.layout
    # The manifest goes first: without it the version is gone, whatever interrupts the rest.
    manifest = layout.file(version, IndexFiles.MANIFEST)
    store.delete([path for path in paths if path == manifest])
    store.delete([path for path in paths if path != manifest])
    if store.local:  # a listing does not show the files of a write that was killed
        shutil.rmtree(store.local / layout.version(version), ignore_errors=True)


def _newest_older(manifests: Iterable[IndexManifest], current: str) -> str:
    good = [each for each in manifests if not each.failures]
    return next((each.version for each in good if not current or each.version < current), "")


def _pointer(repository: IndexRepository) -> tuple[Pointer | None, str | None]:
    """Return pointer and ETag; the pointer is None where it is missing or can't be read."""
    try:
        return repository.pointer()
    except IndexUnavailable:
        return None, repository.pointer_etag()


def _check_intact(repository: IndexRepository, manifest: IndexManifest) -> None:
    found = repository.check_complete(manifest)
    if not repository.is_as_uploaded(manifest, found):
        with tempfile.TemporaryDirectory(prefix="querytower-") as scratch:
            open_version(repository, manifest, Path(scratch), graph=True)


def _age(version: str, now: datetime) -> float:
    """Return the seconds since the version was made, by its name; 0 for names of other forms."""
    stamp = re.match(r"\d{8}T\d{6}(?=\d*-)", version)
    if not stamp:
        return 0.0
    made = datetime.strptime(stamp[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return (now - made).total_seconds()


def _is_abandoned(version: str, paths: Sequence[str], now: datetime) -> bool:
    """Tell whether files are the rest of an upload that ended before the manifest, long ago."""
    unfinished = not any(path.endswith(f"{version}/{IndexFiles.MANIFEST}") for path in paths)
    return unfinished and _age(version, now) > ABANDONED_SECONDS


def _recently_current(pointer: Pointer, grace: float, now: datetime) -> set[str]:
    """Return the versions that were replaced less than `grace` seconds ago."""
    recent = set()
    for (version, _), (_, until) in pairwise(
        [*pointer.history, (pointer.version, pointer.published)]
    ):
        if (now - datetime.fromisoformat(until)).total_seconds() < grace:
            recent.add(version)
    return recent
