"""Finished vectors, saved while a run goes on, for the run after one that is cut short."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from secrets import token_hex

from handler.encoder import Encoder
from handler.errors import ObjectNotFound, StoreError
from handler.index.embedding_cache import EncodedBatch
from handler.index.manifest import INDEX_FORMAT
from handler.index.vectors import Precision
from handler.index.writer import Options
from handler.versions.repository import IndexRepository
from handler.versions.stored_folder import StoredFolder

MAX_PARTS = 24
SMALL_BYTES = 16 << 20

Notice = Callable[[str], None]


class Checkpoints:
    """The parts saved for one index, model and way to split texts. Their number stays bounded."""

    def __init__(self, folder: Path, precision: Precision, stored: StoredFolder | None) -> None:
        """Prepare to save parts.

        Args:
            folder: folder for local copies of the parts, which exists.
            precision: precision of the vectors.
            stored: folder of the store that holds the parts; None to keep only the local copies.
        """
        self._folder = folder
        self._precision = precision
        self._stored = stored
        self._parts: dict[str, EncodedBatch] = {}

    @classmethod
    def shared(
        cls, repository: IndexRepository, encoder: Encoder, options: Options, folder: Path
    ) -> "Checkpoints":
        """Return checkpoints that later runs find, if they have the same model and options."""
        split = asdict(options.split)
        what = [INDEX_FORMAT, encoder.manifest.fingerprint, split, options.precision]
        key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
        return cls(folder, options.precision, repository.checkpoints.folder(key))

    @property
    def parts(self) -> list[EncodedBatch]:
        """All parts, those loaded and those saved since."""
        return [*self._parts.values()]

    def load(self, notice: Notice) -> None:
        """Fetch what earlier runs saved; `notice` is told of damaged parts, which are ignored.

        Raises:
            StoreError: the store can't be read.
        """
        if self._stored is None:
            return
        for each in self._stored.list():
            name = PurePosixPath(each.path).name
            try:
                self._stored.download(each.path, self._folder / name, size=each.size)
                self._parts[name] = EncodedBatch.read(self._folder / name, self._precision)
            except ObjectNotFound:
                continue
            except StoreError as problem:
                notice(str(problem))

    def save(self, part: EncodedBatch) -> None:
        """Save a part; many small ones are joined into one.

        Raises:
            StoreError: the store can't be written.
        """
        self._put(part)
        if len(self._parts) > MAX_PARTS:
            small = [name for name in self._parts if self._size(name) < SMALL_BYTES]
            if len(small) > 1:
                self._join(small)

    def _size(self, name: str) -> int:
        return (self._folder / name).stat().st_size

    def _join(self, names: Sequence[str]) -> None:
        self._put(EncodedBatch.joined([self._parts[name] for name in names]))
        for name in names:
            del self._parts[name]
            (self._folder / name).unlink()
        if self._stored:
            self._stored.delete(names)

    def _put(self, part: EncodedBatch) -> None:
        name = f"{token_hex(8)}.part"
        part.write(self._folder / name)
        self._parts[name] = EncodedBatch.read(self._folder / name, self._precision)
        if self._stored:
            self._stored.put(name, self._folder / name)
