"""Documents to the files of a new index version, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import numpy as np
import numpy.typing as npt

from handler.corpus.document import Document
from handler.corpus.hashes import as_hashes, content_hash, text_hash
from handler.corpus.passages import Split
from handler.corpus.schema import Schema
from handler.encoder import Encoder
from handler.files import measure_files
from handler.index.analysis import LANGUAGES
from handler.index.embed import encode_documents, groups
from handler.index.embedding_cache import EmbeddingCache, EncodedDocument
from handler.index.index_version import DOCUMENT, PASSAGE
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.suggestions import SuggestWriter
from handler.index.text_writer import TextWriter
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
    stage: Stage = "encode",
    total: int | None = None,
    progress: Progress = no_progress,
) -> IndexManifest:
    """Write the files of a new version into the empty `folder`, its manifest last, and return that.

    Documents are read once, in order; some hundred of them are in memory at a time. Documents whose
    vectors are `known`, with the same model and options, are not encoded.
    """

    def report(done: int) -> None:
        progress(stage, done, total)

    rows, passages = _write_rows(documents, folder, schema, encoder, options, known, report)
    manifest = IndexManifest(
        name=name,
        version=new_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        documents=rows,
        passages=passages,
        rejected=rejected,
        model=encoder.manifest.model,
        fingerprint=encoder.manifest.fingerprint,
        dimension=encoder.dimension,
        precision=options.precision,
        language=options.language,
        split=asdict(options.split),
        schema=schema,
        files=measure_files(folder),
    )
    write_manifest(folder, manifest)
    return manifest


def write_manifest(folder: Path, manifest: IndexManifest) -> None:
    """Write, or write over, the manifest of the version in `folder`."""
    (folder / IndexFiles.MANIFEST).write_text(manifest.to_json(), encoding="utf-8")


def _write_rows(
    documents: Iterable[Document],
    folder: Path,
    schema: Schema,
    encoder: Encoder,
    options: Options,
    known: EmbeddingCache,
    report: Callable[[int], None],
) -> tuple[int, int]:
    """Write all but the manifest; return how many documents and passages there are."""
    text = TextWriter(folder / IndexFiles.TEXT, schema, options.language)
    suggestions = SuggestWriter(folder / IndexFiles.SUGGESTIONS, options.language)
    vectors = VectorWriter(folder, options.precision)
    table = bytearray()
    rows, passages = 0, 0
    try:
        with (folder / IndexFiles.PASSAGES).open("wb") as spans:
            for group in groups(documents):
                hashes = [text_hash(document) for document in group]
                encoded_group = _vectors(group, hashes, encoder, options, known)
                for document, hash_, encoded in zip(group, hashes, encoded_group, strict=True):
                    text.add(document)
                    suggestions.add(document)
                    table += np.array(
                        (0, 0, passages, hash_, content_hash(document)), DOCUMENT
                    ).tobytes()
                    vectors.add_codes(encoded.codes, encoded.scales)
                    spans.write(_passages(rows, encoded).tobytes())
                    rows, passages = rows + 1, passages + len(encoded.scales)
                report(rows)
        vectors.close()
        suggestions.close()
        entries = np.frombuffer(table, DOCUMENT)
        entries["segment"], entries["place"] = text.close().T
        entries.tofile(folder / IndexFiles.DOCUMENTS)
    except BaseException:
        text.abort()
        raise
    return rows, passages


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
