"""Documents to the files of a new index version, in bounded memory."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import numpy as np

from handler.bundle import IndexFiles, IndexManifest, measure_files
from handler.corpus import Document
from handler.encoder import Encoder
from handler.index import DOCUMENT, PASSAGE
from handler.passages import Split, passage_text, split_document
from handler.schema import Schema
from handler.text import LANGUAGES, TextWriter, to_json
from handler.vectors import EXACT_UP_TO, Precision, VectorWriter, build_graph

ENCODED_TOGETHER = 512

# Told the name of a stage and how much of it is done, in documents or vectors.
Progress = Callable[[str, int], None]


def no_progress(_stage: str, _done: int) -> None:
    """Tell nobody."""


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
            raise ValueError(f"language {self.language!r} is unknown; use none or one of {', '.join(LANGUAGES)}")


@dataclass(frozen=True, slots=True)
class Passages:
    """A document with the spans of its passages and what the encoder sees of each."""

    document: Document
    spans: list[tuple[int, int]]
    texts: list[str]


def new_version() -> str:
    """Return a name for a version: UTC time, then chance, so that names sort by age and never collide."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{token_hex(3)}"


def build_version(
    documents: Iterable[Document],
    folder: Path,
    *,
    name: str,
    schema: Schema,
    encoder: Encoder,
    options: Options,
    rejected: int = 0,
    progress: Progress = no_progress,
    threads: int = 1,
) -> IndexManifest:
    """Write the files of a new version into the empty `folder`, its manifest last, and return that.

    Documents are read once, in order; only some hundred of them are in memory at a time.
    """
    text = TextWriter(folder / IndexFiles.TEXT, schema, options.language)
    vectors = VectorWriter(folder, options.precision)
    rows, passages = 0, 0
    table = bytearray()
    with (folder / IndexFiles.PASSAGES).open("wb") as spans:
        for group in _groups(documents, encoder, options.split):
            vectors.add(encoder.encode([text for item in group for text in item.texts], "document"))
            for item in group:
                text.add(item.document)
                entry = (0, 0, passages, text_hash(item.document), content_hash(item.document))
                table += np.array(entry, DOCUMENT).tobytes()
                spans.write(np.array([(rows, *span) for span in item.spans], PASSAGE).tobytes())
                rows, passages = rows + 1, passages + len(item.spans)
            progress("encode", rows)
    vectors.close()
    entries = np.frombuffer(table, DOCUMENT)
    entries["segment"], entries["place"] = text.close().T
    entries.tofile(folder / IndexFiles.DOCUMENTS)
    if passages > EXACT_UP_TO:
        for done in build_graph(folder, options.precision, encoder.dimension, threads):
            progress("graph", done)
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
        quality={},
    )
    manifest = replace(manifest, files=measure_files(folder))
    (folder / IndexFiles.MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def text_hash(document: Document) -> bytes:
    """Return 16 bytes that change whenever the vectors of the document do."""
    return hashlib.blake2b(f"{document.title}\0{document.text}".encode(), digest_size=16).digest()


def content_hash(document: Document) -> bytes:
    """Return 16 bytes that change whenever anything of the document does."""
    return hashlib.blake2b(to_json(document).encode(), digest_size=16).digest()


def _groups(documents: Iterable[Document], encoder: Encoder, split: Split) -> Iterator[list[Passages]]:
    group: list[Passages] = []
    for document in documents:
        spans = split_document(document, encoder.tokenizer, split, encoder.manifest.max_tokens)
        texts = [passage_text(document.title, document.text[start:end]) for start, end in spans]
        group.append(Passages(document, spans, texts))
        if sum(len(item.texts) for item in group) >= ENCODED_TOGETHER:
            yield group
            group = []
    if group:
        yield group
