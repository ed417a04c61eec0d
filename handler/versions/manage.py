"""The versions of an index: go back to one, remove old ones."""

import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from handler.errors import IndexUnavailable, ObjectNotFound
from handler.index.manifest import IndexFiles, IndexManifest
from handler.storage.store import Store
from handler.versions.catalog import as_uploaded, check_complete, fetch_version, versions
from handler.versions.last_attempt import LastAttempt, note_rolled_back
from handler.versions.pointer import Pointer, check_name, publish, read_pointer

# A warm function may be about to download what was current so long ago, in seconds.
GRACE_SECONDS = 900.0
# Files without a manifest, in seconds: by then whoever uploaded them has given up.
ABANDONED_SECONDS = 86_400.0


def rollback(store: Store, name: str, version: str = "") -> Pointer:
    """Make `version` current, by default the newest good one that is older than the current, and return the pointer.

    The corpus of the version left is noted: a scheduled run doesn't publish that very corpus again.

    Raises:
        IndexUnavailable: there is no such version, or it is damaged.
        LostRace: somebody else published meanwhile.
    """
    check_name(name)
    known = {manifest.version: manifest for manifest in versions(store, name)}
    pointer, etag = _pointer(store, name) if known else read_pointer(store, name)
    current = pointer.version if pointer else ""
    older = [
        each
        for each in known.values()
        if not each.failures and (not current or each.version < current)
    ]
    target = version or (older[0].version if older else "")
    if not target:
        raise IndexUnavailable(
            f"index {name!r} has no version older than {current or 'its candidates'}; querytower versions lists all"
        )
    if target not in known:
        raise IndexUnavailable(
            f"index {name!r} has no version {target!r}; querytower versions lists those that it has"
        )
    _check_whole(store, known[target])
    if pointer and target == current:
        return pointer
    new = publish(store, name, target, etag)
    if current in known and target < current:
        note_rolled_back(store, name, known[current].corpus.get("inputs", ""))
    else:
        LastAttempt.forget(store, name)
    return new


def prune(
    store: Store, name: str, keep: int, grace: float = GRACE_SECONDS, now: datetime | None = None
) -> list[str]:
    """Remove all versions but the newest `keep`, and what interrupted uploads left; return the names removed.

    Neither the current version goes nor one that is younger than `grace` seconds or was current since then.

    Raises:
        IndexUnavailable: the store has no such index.
        StoreError: the store can't be read or written.
    """
    check_name(name)
    pointer, _ = read_pointer(store, name)
    now = now or datetime.now(UTC)
    found = versions(store, name)
    verdict = LastAttempt.read(store, name)
    kept = {
        pointer.version,
        *(each.version for each in _good(found)[:keep]),
        *_lately_current(pointer, grace, now),
    }
    kept |= {each.version for each in found if _age(each.version, now) < grace}
    if verdict and verdict.kind == "failed":
        kept.add(verdict.version)  # the candidate to be inspected
    root = IndexFiles.versions(name)
    folders: dict[str, list[str]] = {}
    for each in store.list(root):
        folders.setdefault(each.path.removeprefix(f"{root}/").partition("/")[0], []).append(
            each.path
        )
    whole = {each.version for each in found}
    doomed = [
        version
        for version in sorted({*folders} - kept)
        if version in whole or _abandoned(folders[version], now)
    ]
    for version in doomed:
        # Without its manifest a version is none, whatever interrupts the rest.
        paths = sorted(
            folders[version], key=lambda path: not path.endswith(f"/{IndexFiles.MANIFEST}")
        )
        store.delete(paths[:1])
        store.delete(paths[1:])
        if store.local:  # files of a write that was killed are in no listing
            shutil.rmtree(store.local / root / version, ignore_errors=True)
    return doomed


def _pointer(store: Store, name: str) -> tuple[Pointer | None, str | None]:
    """Return pointer and ETag, each None where there is none: not yet, or no more, or none that can be read."""
    try:
        return read_pointer(store, name)
    except IndexUnavailable:
        with suppress(ObjectNotFound):
            return None, store.get(IndexFiles.current(name))[1]
    return None, None


def _check_whole(store: Store, manifest: IndexManifest) -> None:
    if not as_uploaded(store, manifest, check_complete(store, manifest)):
        with tempfile.TemporaryDirectory(prefix="querytower-") as scratch:
            fetch_version(store, manifest, Path(scratch), graph=True)


def _good(found: Iterable[IndexManifest]) -> Sequence[IndexManifest]:
    return [manifest for manifest in found if not manifest.failures]


def _age(version: str, now: datetime) -> float:
    """Return the seconds since the version was made, by its name; 0 for other names, which are left alone."""
    stamp = re.match(r"\d{8}T\d{6}(?=\d*-)", version)
    if not stamp:
        return 0.0
    return (now - datetime.strptime(stamp[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)).total_seconds()


def _abandoned(paths: Sequence[str], now: datetime) -> bool:
    """Tell whether files are what an upload left that ended before the manifest, long ago."""
    version = paths[0].split("/")[3]
    unfinished = not any(path.endswith(f"{version}/{IndexFiles.MANIFEST}") for path in paths)
    return unfinished and _age(version, now) > ABANDONED_SECONDS


def _lately_current(pointer: Pointer, grace: float, now: datetime) -> set[str]:
    """Return the versions that were replaced less than `grace` seconds ago."""
    entries = [*pointer.history, (pointer.version, pointer.published)]
    return {
        version
        for (version, _), (_, until) in pairwise(entries)
        if (now - datetime.fromisoformat(until)).total_seconds() < grace
    }
