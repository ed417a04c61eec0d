"""Documents to the files of a new index version, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import compress, product
from pathlib import Path
from secrets import token_hex
from typing import Self

import numpy as np
import numpy.typing as npt

from handler.corpus.document import Document
from handler.corpus.hashes import as_hashes, content_hash, text_hash
from handler.corpus.passages import Split
from handler.corpus.schema import Schema
from handler.encoder import Encoder
from handler.files import measure_files, remove_tree
from handler.index.analysis import LANGUAGES
from handler.index.arrays import Rows
from handler.index.block_file import write_sums
from handler.index.document_store import DocumentWriter
from handler.index.embed import encode_documents, groups
from handler.index.embedding_cache import EmbeddingCache, EncodedDocument
from handler.index.index_version import DOCUMENT, HASHES, ORDER, PASSAGE
from handler.index.manifest import IN_BLOCKS, IndexFiles, IndexManifest
from handler.index.suggestions import SuggestWriter
from handler.index.text_writer import TextWriter
from handler.index.update import Sizes, Update, merge_segments
from handler.index.vectors import Precision, VectorWriter
from handler.progress import Progress, Stage, no_progress

NOTHING_KNOWN = EmbeddingCache()


@dataclass(frozen=True, slots=True)
class Options:
    """How an index is built; a change of any of them needs a full rebuild."""

    split: Split = field(default_factory=Split)
    precision: Precision = "i8"
    language: str = "english"

    def __post_init__(self) -> None:
        """Check the language.

        Raises:
            ValueError: it has no stemmer.
        """
        if self.language not in (*LANGUAGES, "none"):
            raise ValueError(
                f"language {self.language!r} is unknown; use none or one of {', '.join(LANGUAGES)}"
            )


def new_version() -> str:
    """Return a version name: UTC time in milliseconds, then random digits. Names sort by age."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}-{token_hex(3)}"


def build_version(
    documents: Iterable[Document],
    folder: Path,
    *,
    name: str,
    schema: Schema,
    encoder: Encoder,
    options: Options,
    rejected: int = 0,
    known: EmbeddingCache = NOTHING_KNOWN,
    update: Update | None = None,
    stage: Stage = "encode",
    total: int | None = None,
    progress: Progress = no_progress,
) -> IndexManifest:
    """Write the files of a new version into the empty `folder`, its manifest last, and return that.

    Documents are read once, in order; some hundred of them are in memory at a time. Documents whose
    vectors are `known`, with the same model and options, are not encoded. With an `update` of these
    documents, what is new becomes a segment beside those of the version before; else all does.
    """

    def report(done: int) -> None:
        progress(stage, done, total)

    sizes = update.link_segments(folder) if update else []
    rows = _Rows(folder, len(sizes), schema, encoder, options, known, update)
    count = rows.write(documents, report)
    order = update.order() if update else np.arange(count)
    order.astype(ORDER).tofile(folder / IndexFiles.ORDER)
    if rows.size[0]:
        sizes.append(rows.size)
    passages = _live_passages(folder, sizes, order)
    segments = merge_segments(folder, sizes)
    _write_sums(folder, len(segments))
    manifest = IndexManifest(
        name=name,
        version=new_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        documents=count,
        passages=passages,
        rejected=rejected,
        model=encoder.manifest.model,
        fingerprint=encoder.manifest.fingerprint,
        dimension=encoder.dimension,
        precision=options.precision,
        language=options.language,
        split=asdict(options.split),
        schema=schema,
        segments=segments,
        files=measure_files(folder, update.files() if update else None),
    )
    write_manifest(folder, manifest)
    return manifest


def _write_sums(folder: Path, segments: int) -> None:
    """Write the checksums of blocks, but not those that the version before has already."""
    for number, name in product(range(segments), IN_BLOCKS):
        path = folder / IndexFiles.segment(number) / name
        if not path.is_symlink():
            write_sums(path)


def write_manifest(folder: Path, manifest: IndexManifest) -> None:
    """Write, or write over, the manifest of the version in `folder`."""
    (folder / IndexFiles.MANIFEST).write_text(manifest.to_json(), encoding="utf-8")


class _Rows:
    """Writes the rows of a new segment, and the words and completions of the whole version.

    `size` is that of the segment afterwards.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        schema: Schema,
        encoder: Encoder,
        options: Options,
        known: EmbeddingCache,
        update: Update | None,
    ) -> None:
        self._folder = folder
        self._segment = folder / IndexFiles.segment(number)
        self._encoder, self._options, self._known = encoder, options, known
        base = update.base if update else None
        self._row = len(base.documents) if base else 0
        self._passage = len(base.passages) if base else 0
        self._stored = base.stored.size if base else 0
        self._new = (update.rows < 0).tolist() if update else None
        self._suggestions = SuggestWriter(folder / IndexFiles.SUGGESTIONS, options.language)
        words = base.folder / IndexFiles.TEXT if base else None
        self._text = TextWriter(
            folder / IndexFiles.TEXT, schema, options.language, words, self._row
        )
        if update:
            self._text.remove(update.gone)
        self.size = (0, 0)

    def write(self, documents: Iterable[Document], report: Callable[[int], None]) -> int:
        """Write what is new of the documents, and return how many there are in all."""
        count = 0
        self._segment.mkdir(parents=True)
        try:
            with _SegmentFiles(self._segment, self._options.precision) as files:
                for group in groups(documents):
                    new = group
                    if self._new is not None:
                        new = [*compress(group, self._new[count : count + len(group)])]
                    for document in group:
                        self._suggestions.add(document)
                    self._write_group(new, files)
                    count += len(group)
                    report(count)
            self._suggestions.close()
            self._text.close()
        except BaseException:
            self._text.abort()
            raise
        if not self.size[0]:
            remove_tree(self._segment)
        return count

    def _write_group(self, group: list[Document], files: "_SegmentFiles") -> None:
        hashes = [text_hash(document) for document in group]
        encoded_group = _vectors(group, hashes, self._encoder, self._options, self._known)
        for document, hash_, encoded in zip(group, hashes, encoded_group, strict=True):
            self._text.add(document)
            stored = self._stored + files.stored.add(document)
            files.documents.write(np.array((self._passage, stored), DOCUMENT).tobytes())
            files.hashes.write(np.array((hash_, content_hash(document)), HASHES).tobytes())
            files.vectors.add_codes(encoded.codes, encoded.scales)
            files.passages.write(_passages(self._row, encoded).tobytes())
            self._row, self._passage = self._row + 1, self._passage + len(encoded.scales)
            self.size = (self.size[0] + 1, self.size[1] + len(encoded.scales))


class _SegmentFiles:
    """The files of a segment that is being written."""

    def __init__(self, folder: Path, precision: Precision) -> None:
        self.vectors = VectorWriter(folder, precision)
        self.stored = DocumentWriter(folder / IndexFiles.STORED)
        self.documents = (folder / IndexFiles.DOCUMENTS).open("wb")
        self.passages = (folder / IndexFiles.PASSAGES).open("wb")
        self.hashes = (folder / IndexFiles.HASHES).open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self.vectors, self.stored, self.documents, self.passages, self.hashes):
            each.close()


def _live_passages(folder: Path, sizes: Sequence[Sizes], order: Rows) -> int:
    """Return how many passages the documents at the rows `order` have."""
    tables = [
        np.fromfile(folder / IndexFiles.segment(number) / IndexFiles.DOCUMENTS, DOCUMENT)
        for number in range(len(sizes))
    ]
    first = np.concatenate([table["passage"] for table in tables])
    total = sum(passages for _, passages in sizes)
    counts = np.diff(np.append(first, total).astype(np.int64))
    return int(counts[order].sum())


def _vectors(
    group: Sequence[Document],
    hashes: Sequence[bytes],
    encoder: Encoder,
    options: Options,
    known: EmbeddingCache,
) -> Iterator[EncodedDocument]:
    """Yield the passages of each document, known or encoded now."""
    found = known.find(as_hashes(hashes))
    missing = [document for document, encoded in zip(group, found, strict=True) if encoded is None]
    encoded = iter(
        encode_documents(missing, encoder, options.split, options.precision) if missing else []
    )
    for each in found:
        yield each or next(encoded)


def _passages(row: int, encoded: EncodedDocument) -> npt.NDArray[np.void]:
    entries = np.empty(len(encoded.scales), PASSAGE)
    entries["document"] = row
    entries["start"], entries["end"] = encoded.spans.T
    return entries
