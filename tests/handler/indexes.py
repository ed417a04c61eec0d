"""Small documents, indexes of them, and an encoder whose vectors are known beforehand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from handler.corpus.document import Document
from handler.corpus.passages import Split
from handler.corpus.schema import Schema, observe
from handler.encoder import Encoder, TextKind, Vectors
from handler.index.index_version import IndexVersion
from handler.index.text_index import TextIndex
from handler.index.text_writer import TextWriter
from handler.index.writer import Options, build_version

WHOLE = Options(split=Split(0))


def document(key: object, text: str, title: str = "", **metadata: Any) -> Document:
    """Return a document without a URL."""
    return Document(id=str(key), title=title, text=text, url="", metadata=metadata)


def schema_of(documents: Iterable[Document]) -> Schema:
    """Return the schema that fits all documents."""
    schema: Schema = {}
    for item in documents:
        observe(schema, item.metadata)
    return schema


def build(
    folder: Path, documents: Sequence[Document], encoder: Encoder, options: Options = WHOLE
) -> IndexVersion:
    """Write an index version into `folder`, which is made, and open it."""
    folder.mkdir(parents=True)
    build_version(
        documents,
        folder,
        name="default",
        schema=schema_of(documents),
        encoder=encoder,
        options=options,
    )
    return IndexVersion.open(folder)


class WrittenText(TextIndex):
    """A text index that knows the documents it was made of."""

    documents: Sequence[Document]

    def document(self, row: int) -> Document:
        """Return the document of a row."""
        return self.documents[row]


def write(folder: Path, documents: Sequence[Document], language: str = "english") -> WrittenText:
    """Write the text index of some documents below `folder`, and open it."""
    writer = TextWriter(folder / "text", schema_of(documents), language)
    for each in documents:
        writer.add(each)
    writer.close()
    index = WrittenText.open(folder / "text", language)
    index.documents = documents
    return index


class Planned(Encoder):
    """Encodes every text as the vector planned for it."""

    def __init__(self, real: Encoder, plan: Mapping[str, Vectors]) -> None:
        """Compose from an encoder, for its tokenizer, and unit vectors by text."""
        self.manifest = replace(real.manifest, dimension=len(next(iter(plan.values()))))
        self.tokenizer = real.tokenizer
        self._plan = plan

    def encode(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Return the planned vectors."""
        return np.stack([self._plan[text] for text in texts]).astype(np.float32)


def unit(vectors: Any) -> Vectors:
    """Scale vectors, shape (…, dimension), to unit length."""
    vectors = np.asarray(vectors, np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def clustered(count: int, dimension: int, seed: int, clusters: int = 60) -> Vectors:
    """Draw unit vectors around some centres, which are the same for every seed."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((clusters, dimension))
    return unit(
        centres[random.integers(clusters, size=count)]
        + 0.7 * random.standard_normal((count, dimension))
    )
