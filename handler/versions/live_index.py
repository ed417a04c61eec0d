"""The published version of an index, kept current while it is searched."""

import hashlib
import shutil
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from pathlib import Path
from threading import Lock

from handler.errors import (
    CacheFull,
    IndexUnavailable,
    MissingEngine,
    ModelMismatch,
    QuerytowerError,
)
from handler.index.block_file import NOTHING_REMOTE, Remote
from handler.index.engine import Engine
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.rules import NO_RULES, Rules
from handler.log import log, metric
from handler.staging import scratch_folder
from handler.versions.live_rules import LiveRules
from handler.versions.pointer import Pointer
from handler.versions.remote_file import Traffic
from handler.versions.remote_files import DEFAULT_LIMITS, CacheLimits, RemoteFiles
from handler.versions.repository import IndexRepository
from handler.versions.transfer import fetch_version, kept_files

Data = bytes  # LiveIndex has a property of the other name

REFRESH_WAIT = 0.3
"""Seconds that a request waits for a newer version before the old one answers it."""
RULES_WAIT = 1.0
"""Seconds that the first answer waits for the rules of its index; later ones come with a look."""
RETRY_SECONDS = 2.0
# The first and the longest pause between checks while the disk has no room for a new version.
FULL_SECONDS = 60.0
FULL_SECONDS_MOST = 3600.0
"""How long a failure to open the first version is remembered, to spare the store."""


class LiveIndex:
    """Serves one version at a time and follows the pointer in the store.

    Once a version is open, nothing that happens to the store makes `current` fail.
    """

    def __init__(
        self,
        repository: IndexRepository,
        *,
        cache: Path,
        fingerprint: str,
        poll_seconds: float,
        limits: CacheLimits = DEFAULT_LIMITS,
    ) -> None:
        """Prepare to serve an index.

        Args:
            repository: the index to follow.
            cache: folder for downloaded versions.
            fingerprint: fingerprint of the model at hand.
            poll_seconds: seconds between two looks at the pointer.
            limits: what is fetched at once, later, or as it is read.
        """
        # Seconds that opening the version took, once its files were here.
        self.opening_seconds = 0.0
        self._repository = repository
        self._cache = cache
        self._fingerprint = fingerprint
        self._poll_seconds = poll_seconds
        self._version: Engine | None = None
        self._rules = LiveRules()
        self._remote = RemoteFiles(limits)
        self._etag: str | None = None
        self._checked = 0.0
        self._failure: tuple[float, QuerytowerError] | None = None
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, "refresh")
        self._refreshing: Future[None] | None = None
        # Seconds until the next check while the disk is full; 0 while it is not.
        self._full_pause = 0.0

    def current(self) -> Engine:
        """Return the version to search, after a look for a newer one if the last look is old.

        Raises:
            IndexUnavailable: no version is published, or none that fits the model at hand.
            StoreError: the store fails, and no version is open yet.
        """
        if self._version is None:
            return self._first()
        if time.monotonic() - self._checked >= max(self._poll_seconds, self._full_pause):
            self.refresh(REFRESH_WAIT)
        return self._version

    def refresh(self, wait: float | None = None) -> None:
        """Look for a newer version in the background.

        Wait for the result `wait` seconds at most, or to the end if that is None.
        """
        with self._lock:
            if self._refreshing is None or self._refreshing.done():
                self._checked = time.monotonic()
                self._refreshing = self._worker.submit(self._follow)
        wait_for([self._refreshing], wait)

    def reconnect(self, repository: IndexRepository, wait: float | None = None) -> None:
        """Continue with another connection to the same index, and follow the pointer at once."""
        self._repository = repository
        self._remote.reconnect(repository.files)
        self.refresh(wait)

    @property
    def bytes(self) -> int:
        """Bytes of the files of the version that is open."""
        version = self._version
        return sum(entry.bytes for entry in version.manifest.files.values()) if version else 0

    @property
    def traffic(self) -> Traffic:
        """What was fetched from the store so far."""
        return self._remote.traffic

    def close(self) -> None:
        """Give up the version, and remove its files from the cache; they stay mapped where in use."""
        with self._lock:
            self._version = None
            self._remote.stop()
            if not self._repository.folder.local:
                self._forget_unused(self._cache_folder)

    def _first(self) -> Engine:
        with self._lock:
            if self._version is not None:
                return self._version
            pause = min(RETRY_SECONDS, self._poll_seconds)
            if self._failure and time.monotonic() - self._failure[0] < pause:
                raise self._failure[1]
            try:
                pointer, etag = self._repository.pointer()
                # Cold starts wait for the version; the rules come meanwhile.
                rules = self._worker.submit(self._rules.current, self._repository)
                version, self._etag = self._open(pointer), etag
                wait_for([rules], RULES_WAIT)
                self._version = _with_rules(version, rules.result() if rules.done() else NO_RULES)
            except QuerytowerError as error:
                self._failure = time.monotonic(), error
                raise
            self._checked = time.monotonic()
            return self._version

    def _follow(self) -> None:
        rules = self._rules.current(self._repository)
        try:
            changed = self._repository.pointer_if_changed(self._etag)
            if changed is None:
                self._version = self._version and _with_rules(self._version, rules)
                return
            pointer, etag = changed
            old = self._version
            if old is None or pointer.version != old.manifest.version:
                self._version = _with_rules(self._open(pointer), rules)
                log("index_swapped", index=self._repository.name, version=pointer.version)
            self._etag = etag
            self._full_pause = 0.0
        except CacheFull as error:
            self._note_full(error)
        except Exception as error:
            problem = str(error) if isinstance(error, QuerytowerError) else traceback.format_exc()
            log("refresh_failed", index=self._repository.name, problem=problem)

    def _note_full(self, error: CacheFull) -> None:
        """Count a refresh that found the disk full, log the first one, and wait longer each time."""
        name = self._repository.name
        if not self._full_pause:
            log("refresh_failed", index=name, problem=str(error))
        metric("cache_full", {"CacheFull": 1}, "Count", index=name)
        self._full_pause = min(max(2 * self._full_pause, FULL_SECONDS), FULL_SECONDS_MOST)

    def _open(self, pointer: Pointer) -> Engine:
        manifest, data = self._repository.published_manifest(pointer)
        manifest.check_format(f"index {self._repository.name!r} version {manifest.version}")
        self._check_model(manifest)
        engine = self._open_engine(manifest) if manifest.served else None
        return engine or self._open_files(manifest, data)

    def _open_engine(self, manifest: IndexManifest) -> Engine | None:
        """Open a version in the engine that serves it; None where that engine is not installed."""
        from handler.tiers.choose import tier_of

        try:
            engine = tier_of(manifest.served["by"], self._repository.folder.url).open(manifest)
        except MissingEngine as problem:
            log("engine_missing", index=self._repository.name, problem=str(problem))
            return None
        return engine

    def _open_files(self, manifest: IndexManifest, data: Data) -> Engine:
        if self._repository.folder.local:
            # Copies stay mapped when the folder goes; what people do in the store can't touch them.
            with scratch_folder() as scratch:
                return self._open_in(scratch, manifest, data)
        folder = self._cache_folder
        try:
            version = self._open_in(folder, manifest, data)
        except IndexUnavailable:
            self._forget_unused(folder)
            raise
        self._forget_others(folder, manifest.version)
        return version

    def _open_in(self, folder: Path, manifest: IndexManifest, data: Data) -> Engine:
        place, remote = self._fetch(folder, manifest, data)
        fetched = time.perf_counter()
        in_use = self._version.manifest.files.values() if self._version else ()
        checked = {entry.sha256 for entry in in_use}
        version = IndexVersion.open(place, checked, remote)
        self.opening_seconds = time.perf_counter() - fetched
        return version

    def _fetch(self, folder: Path, manifest: IndexManifest, data: Data) -> tuple[Path, Remote]:
        """Return the place of a version in `folder`, fetched unless it is here already.

        Files that it still lacks are returned too.
        """
        place = folder / manifest.version
        if not (place / IndexFiles.MANIFEST).exists():
            if not self._repository.folder.local:
                self._make_room(place, manifest)
            files = self._repository.files
            apart = () if files.local else self._remote.apart(manifest)
            self.traffic.bytes += fetch_version(
                files, manifest, data, place, apart=apart, private=True
            )
        if self._repository.folder.local:
            return place, NOTHING_REMOTE
        return place, self._remote.of(self._repository.files, manifest, place)

    @property
    def _cache_folder(self) -> Path:
        """Folder for the downloaded versions of this index."""
        index = f"{self._repository.store.url}/{self._repository.name}"
        return self._cache / hashlib.sha256(index.encode()).hexdigest()[:16]

    def _check_model(self, manifest: IndexManifest) -> None:
        """Refuse a version of another model, before any of its files is downloaded."""
        if manifest.fingerprint != self._fingerprint:
            raise ModelMismatch(
                f"index {self._repository.name!r} version {manifest.version} was built with "
                f"{manifest.model} ({manifest.fingerprint}), this function carries a model with "
                f"fingerprint {self._fingerprint}; "
                "index again with this model, or deploy the other"
            )

    def _make_room(self, place: Path, manifest: IndexManifest) -> None:
        """Remove the versions that are not in use, and check that a new one fits the disk.

        Raises:
            CacheFull: it does not fit.
        """
        here: dict[str, Path] = {}
        if place.parent.is_dir():
            self._forget_unused(place.parent)
            here = kept_files(place.parent)
        apart = self._remote.apart(manifest)
        whole = (each for name, each in manifest.files.items() if name not in apart)
        needed = sum(each.bytes for each in whole if each.sha256 not in here)
        disk = next(each for each in place.parents if each.is_dir())
        free = shutil.disk_usage(disk).free
        if free < needed:
            raise CacheFull(
                f"version {manifest.version} of index {self._repository.name!r} needs {needed:,} "
                f"bytes and {place.parent} has {free:,} left; give the function more disk, or set "
                "QUERYTOWER_CACHE to a larger folder"
            )

    def _forget_unused(self, folder: Path) -> None:
        self._forget_others(folder, self._version.manifest.version if self._version else "")

    def _forget_others(self, folder: Path, kept: str) -> None:
        """Remove other versions from a folder; those in use stay mapped, hence readable."""
        for path in folder.glob("*"):
            if path.name != kept and not path.name.startswith("."):
                shutil.rmtree(path, ignore_errors=True)


def _with_rules(version: Engine, rules: Rules) -> Engine:
    return version if version.rules is rules else version.with_rules(rules)
