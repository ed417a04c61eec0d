"""Encoded slices in the store: what a run that is cut short leaves, and what other machines make."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from handler.corpus.passages import Split
from handler.encoder import Encoder
from handler.errors import ModelError, ObjectNotFound, StoreError
from handler.index.embed import encode_documents, groups
from handler.index.embedding_cache import EncodedBatch, EncodedDocument
from handler.index.manifest import INDEX_FORMAT
from handler.index.vectors import Precision
from handler.index.writer import Options
from handler.reindex.gathering import Gathering
from handler.reindex.slices import Slice
from handler.stored_json import Garbled, Name, read_json
from handler.versions.repository import IndexRepository
from handler.versions.stored_folder import StoredFolder

PARALLEL = 16
NAME = re.compile(r"[0-9a-f]{32}")

Notice = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What vectors depend on besides the texts: model, device, split and precision."""

    fingerprint: Name
    split: dict[str, int]
    precision: Precision
    device: Name = "cpu"
    format: int = INDEX_FORMAT

    @classmethod
    def of(cls, encoder: Encoder, options: Options) -> Self:
        """Return the recipe of an encoder and the options of an index."""
        return cls(
            fingerprint=encoder.manifest.fingerprint,
            split=asdict(options.split),
            precision=options.precision,
            device=encoder.device,
        )

    @property
    def key(self) -> str:
        """A name for all that is made so."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:16]

    def encode(
        self, piece: Slice, encoder: Encoder, report: Callable[[int], None] = lambda _: None
    ) -> EncodedBatch:
        """Encode a slice; `report` is told how many documents are done, before each group."""
        encoded: list[EncodedDocument] = []
        split = Split(**self.split)
        for group in groups(piece.documents):
            report(len(encoded))
            encoded += encode_documents(group, encoder, split, self.precision)
        return EncodedBatch.of(piece.hashes, encoded)


@dataclass(frozen=True, slots=True)
class Workshop:
    """The folder of a store where slices wait for workers, and where their parts lie."""

    folder: StoredFolder

    RECIPE = "recipe.json"

    @property
    def slices(self) -> StoredFolder:
        """Slices that were handed out and are not encoded yet."""
        return self.folder.folder("slices")

    @property
    def parts(self) -> StoredFolder:
        """Encoded slices."""
        return self.folder.folder("parts")

    def open(self, recipe: Recipe) -> None:
        """Write down how parts are made, for workers."""
        self.folder.put(self.RECIPE, json.dumps(asdict(recipe)).encode())

    def recipe(self) -> Recipe:
        """Return how parts are made.

        Raises:
            StoreError: it is missing or garbled.
        """
        try:
            return read_json(Recipe, self.folder.get(self.RECIPE)[0])
        except (ObjectNotFound, Garbled) as cause:
            raise StoreError(
                f"{self.folder.url} has no recipe that can be read ({cause}); workers need a store "
                "that they all reach, such as a bucket"
            ) from None

    def encode(self, name: str, encoder: Encoder, scratch: Path) -> int:
        """Make the part of one slice, and return the number of its documents.

        That is all a worker does. It may be done twice, or at the same time by two: name and
        content of the part are always the same.

        Raises:
            ModelError: the encoder is not the one of the recipe.
            StoreError: the slice can't be read, or the part can't be written.
        """
        recipe = self.recipe()
        if (found := encoder.manifest.fingerprint) != recipe.fingerprint:
            raise ModelError(
                f"the worker has model {found}, and the run needs {recipe.fingerprint}; "
                "deploy the worker with the model of the index"
            )
        try:
            piece = Slice.from_bytes(self.slices.get(name)[0], name)
        except ObjectNotFound:
            self.parts.head(name)  # another worker was quicker
            return 0
        path = scratch / name
        recipe.encode(piece, encoder).write(path)
        try:
            self.parts.put(name, path)
        finally:
            path.unlink()
        self.slices.delete([name])
        return len(piece.documents)


class Parts:
    """The parts of one run: those that earlier runs left, and those made since."""

    def __init__(
        self, repository: IndexRepository, encoder: Encoder, options: Options, scratch: Path
    ) -> None:
        """Prepare to collect the parts of an index in the folder `scratch`, which exists."""
        self.recipe = Recipe.of(encoder, options)
        self.workshop = Workshop(repository.work.folder(self.recipe.key))
        self.found = 0
        self._scratch = scratch
        self._dimension = encoder.dimension
        self._names: list[str] = []

    def fetch(self, notice: Notice) -> None:
        """Fetch what earlier runs left; damaged parts are removed, and `notice` is told of them.

        Raises:
            StoreError: the store can't be read.
        """
        stored = self.workshop.parts

        def fetch(name: str, size: int) -> None:
            try:
                stored.download(name, self._scratch / name, size=size)
                EncodedBatch.read(self._scratch / name, self.recipe.precision)
            except ObjectNotFound:
                return
            except StoreError as problem:
                notice(str(problem))
                (self._scratch / name).unlink(missing_ok=True)
                stored.delete([name])

        listed = [each for each in stored.list() if NAME.fullmatch(each.path)]
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(fetch, [o.path for o in listed], [o.size for o in listed]))

    def left(self, pieces: Iterator[Slice]) -> Iterator[Slice]:
        """Yield the slices that have no part yet; `found` counts the documents of the others."""
        for piece in pieces:
            self._names.append(piece.name)
            if (self._scratch / piece.name).exists():
                self.found += len(piece.documents)
            else:
                yield piece

    def save(self, name: str, part: EncodedBatch) -> None:
        """Save the part of a slice.

        Raises:
            StoreError: the store can't be written.
        """
        part.write(self._scratch / name)
        self.workshop.parts.put(name, self._scratch / name)

    def hand_out(self, pieces: Iterator[Slice]) -> dict[str, int]:
        """Put slices into the store, and return how many documents each name stands for.

        Raises:
            StoreError: the store can't be written.
        """
        self.workshop.open(self.recipe)
        sizes = {}
        for piece in pieces:
            self.workshop.slices.put(piece.name, piece.to_bytes())
            sizes[piece.name] = len(piece.documents)
        return sizes

    def gathered(self) -> Sequence[EncodedBatch]:
        """Return all parts of the run as one batch, which lies on disk; none if there is no part.

        Raises:
            StoreError: a part is missing or damaged.
        """
        if not self._names:
            return []
        gathering = Gathering(self._scratch / "gathered", self.recipe.precision, self._dimension)
        with ThreadPoolExecutor(PARALLEL) as pool:
            for path in pool.map(self._local, self._names):
                gathering.add(EncodedBatch.read(path, self.recipe.precision))
                path.unlink()
        return [gathering.batch()]

    def clear(self) -> None:
        """Remove the parts of this run; what can't be removed now is removed by a later run."""
        with suppress(StoreError):
            self.workshop.parts.delete(self._names)
            self.workshop.slices.delete(self._names)
            self.workshop.folder.delete([Workshop.RECIPE])

    def _local(self, name: str) -> Path:
        path = self._scratch / name
        if not path.exists():
            path.write_bytes(self.workshop.parts.get(name)[0])
        return path
