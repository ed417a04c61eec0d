"""Which files of a version are fetched before the first answer, which as they are read."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from handler.errors import StoreError
from handler.index.block_file import Remote, sums_path
from handler.index.manifest import IN_BLOCKS, IndexFiles, IndexManifest
from handler.index.vectors import EXACT_UP_TO
from handler.log import log
from handler.staging import HeldFolder
from handler.versions.remote_file import RemoteFile, Traffic
from handler.versions.stored_folder import StoredFolder

# Seconds after which the rest is fetched, so that the first answers have the store to themselves.
FILL_DELAY = 2.0
# Seconds after a failure, as often as the function froze in the middle.
FILL_RETRY = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimits:
    """Bounds in bytes.

    An index of at most `whole` is fetched whole before the first answer. Of a larger one, what
    hits show is fetched as it is read, and then in the background, up to `fill`. `blocks` are kept
    of a file that is not fetched whole.
    """

    whole: int = 20_000_000
    fill: int = 2_000_000_000
    blocks: int = 50_000_000


DEFAULT_LIMITS = CacheLimits()


class RemoteFiles:
    """The files of an index that are read in blocks, until they are filled in the background."""

    def __init__(self, limits: CacheLimits) -> None:
        """Start with none."""
        self.traffic = Traffic()
        self._limits = limits
        self._known: dict[str, RemoteFile] = {}
        self._stop = Event()
        self._held: HeldFolder | None = None

    def apart(self, manifest: IndexManifest) -> list[str]:
        """Return the files of a version that need not be here before it answers."""
        later = manifest.named([IndexFiles.HASHES])
        shown = sum(entry.bytes for name, entry in manifest.files.items() if name not in later)
        if shown <= self._limits.whole:
            return later
        # Few vectors are compared with each query, every one.
        few = manifest.passages <= EXACT_UP_TO
        read = [IndexFiles.STORED] if few else IN_BLOCKS
        return [*later, *manifest.named(read)]

    def of(self, files: StoredFolder, manifest: IndexManifest, place: Path) -> Remote:
        """Return the files of a version in the folder `place` that are not there yet.

        Raises:
            StoreError: the disk has no room.
        """
        self.stop()
        names = [name for name in manifest.named(IN_BLOCKS) if not (place / name).exists()]
        names.sort(key=lambda name: manifest.files[name].bytes)
        left = self._room(place, manifest, names)
        known, remote, filled = {}, {}, []
        for name in names:
            entry = manifest.files[name]
            fits = entry.bytes <= left
            left -= entry.bytes if fits else 0
            file = self._known.get(entry.sha256) or RemoteFile(
                files,
                entry.sha256,
                entry.bytes,
                sums=sums_path(place / name).read_bytes(),
                scratch=self._scratch(place),
                traffic=self.traffic,
            )
            file.continue_with(files, entry.bytes if fits else self._limits.blocks)
            known[entry.sha256] = remote[place / name] = file
            if fits:
                filled.append((place / name, file))
        self._known = known
        self._fill_later(filled)
        return remote

    def reconnect(self, files: StoredFolder) -> None:
        """Continue with another connection to the same store."""
        for file in self._known.values():
            file.files = files

    def stop(self) -> None:
        """Fetch nothing more in the background."""
        self._stop.set()

    def _room(self, place: Path, manifest: IndexManifest, names: Sequence[str]) -> int:
        """Return the bytes that may be filled, so that a next version still fits the disk."""
        apart = {*names, *manifest.named([IndexFiles.HASHES])}
        ranked = sum(each.bytes for name, each in manifest.files.items() if name not in apart)
        free = shutil.disk_usage(place).free
        return min(self._limits.fill, free - ranked - self._limits.blocks)

    def _scratch(self, place: Path) -> Path:
        if self._held is None:
            self._held = HeldFolder(place.parent)
        return self._held.path

    def _fill_later(self, files: Sequence[tuple[Path, RemoteFile]]) -> None:
        self._stop = Event()
        if files:
            Thread(target=_fill, args=(files, self._stop), name="fill", daemon=True).start()


def _fill(files: Sequence[tuple[Path, RemoteFile]], stop: Event) -> None:
    """Fetch files whole, and let each appear at its path, until `stop`.

    A frozen function goes on where it was, or fails for once because its connections are gone.
    """
    wait = FILL_DELAY
    for path, file in files:
        done = False
        while not done and not stop.wait(wait):
            wait = 0.0
            try:
                for _ in file.fill():
                    if stop.is_set():
                        return
                file.keep(path)
                done = True
            except (StoreError, OSError) as error:
                log("fill_failed", file=path.name, problem=str(error))
                wait = FILL_RETRY
