"""Finished vectors in the store, for the run after one that is cut short."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from secrets import token_hex

from handler.encoder import Encoder
from handler.errors import ObjectNotFound, StoreError
from handler.index.embedding_cache import EncodedBatch
from handler.index.manifest import INDEX_FORMAT
from handler.index.writer import Options
from handler.versions.repository import IndexRepository

MAX_PARTS = 24
SMALL_BYTES = 16 << 20

Notice = Callable[[str], None]


class Checkpoints:
    """The parts saved for one index, model and way to make passages. Their number stays bounded."""

    def __init__(
        self, repository: IndexRepository, encoder: Encoder, options: Options, folder: Path
    ) -> None:
        """Prepare; copies of the parts are kept in `folder`, which exists."""
        what = [
            INDEX_FORMAT,
            encoder.manifest.fingerprint,
            asdict(options.split),
            options.precision,
        ]
        digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
        self._root = f"{repository.layout.work}/{digest}"
        self._store = repository.store
        self._precision = options.precision
        self._folder = folder
        self._parts: dict[str, EncodedBatch] = {}

    @property
    def parts(self) -> list[EncodedBatch]:
        """All parts, those loaded and those saved since."""
        return [*self._parts.values()]

    def load(self, notice: Notice) -> None:
        """Fetch what earlier runs saved; `notice` is told of parts that are damaged, which count for nothing.

        Raises:
            StoreError: the store can't be read.
        """
        for each in self._store.list(self._root):
            name = PurePosixPath(each.path).name
            try:
                self._store.download(each.path, self._folder / name, size=each.size)
                self._parts[name] = EncodedBatch.read(self._folder / name, self._precision)
            except ObjectNotFound:
                continue
            except StoreError as problem:
                notice(str(problem))

    def save(self, part: EncodedBatch) -> None:
        """Save a part; when there are many small ones, they become one.

        Raises:
            StoreError: the store can't be written.
        """
        self._put(part)
        if len(self._parts) > MAX_PARTS:
            small = [
                name for name in self._parts if (self._folder / name).stat().st_size < SMALL_BYTES
            ]
            if len(small) > 1:
                self._join(small)

    def _join(self, names: Sequence[str]) -> None:
        self._put(EncodedBatch.joined([self._parts[name] for name in names]))
        for name in names:
            del self._parts[name]
            (self._folder / name).unlink()
        self._store.delete(f"{self._root}/{name}" for name in names)

    def _put(self, part: EncodedBatch) -> None:
        name = f"{token_hex(8)}.part"
        part.write(self._folder / name)
        self._parts[name] = EncodedBatch.read(self._folder / name, self._precision)
        self._store.put(f"{self._root}/{name}", self._folder / name)


def clear(repository: IndexRepository) -> None:
    """Remove the vectors that runs left for later ones, whatever the model.

    What can't be removed now is removed next time.
    """
    store = repository.store
    with suppress(StoreError):
        store.delete(each.path for each in store.list(repository.layout.work))
