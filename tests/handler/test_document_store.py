"""Stored documents: in groups, in several files, read in any order."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handler.corpus.document import Document, Value
from handler.index.block_file import MappedFile
from handler.index.document_store import DocumentStore, DocumentWriter
from tests.handler.indexes import document


def written(path: Path, documents: Sequence[Document]) -> tuple[Path, list[int]]:
    writer = DocumentWriter(path)
    places = [writer.add(each) for each in documents]
    writer.close()
    return path, places


def stored(parts: Sequence[tuple[Path, list[int]]]) -> DocumentStore:
    places, start = [], 0
    for path, own in parts:
        places += [start + place for place in own]
        start += path.stat().st_size
    return DocumentStore([MappedFile.open(path) for path, _ in parts], np.array(places))


def test_stored_documents_come_back(tmp_path: Path) -> None:
    metadata: dict[str, Value] = {
        "int": -(2**63),
        "big": 2**63 - 1,
        "float": 0.1,
        "yes": True,
        "no": False,
        "list": ["a", "", "東京"],
        "none": [],
        "day": "1605-01-16",
        "Odd: name.": "x",
        "long": "y" * 300,
        "mixed": 5,
    }
    documents = [
        Document(
            id="a",
            title="Tïtle 🙂",
            text='Line\r\n"quoted" \\ \u2028 \x00 <b>',
            url="https://e.org/?q=1&r=2",
            metadata=metadata,
        ),
        Document(
            id="x" * 512, title="", text="z", url="", metadata={"mixed": "text", "list": ["only"]}
        ),
        Document(id="id with spaces/é", title="Only a title", text="", url="", metadata={}),
    ]
    store = stored([written(tmp_path / "a", documents)])
    assert store.read(np.arange(3)) == documents
    assert store.read(np.array([2, 0])) == [documents[2], documents[0]]
    assert [type(value) for value in store.read(np.array([0]))[0].metadata.values()] == [
        type(v) for v in metadata.values()
    ]


def test_documents_of_several_files_are_read_in_any_order(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    lengths = random.integers(1, 4000, size=60).tolist()
    documents = [document(n, f"{n} " * length) for n, length in enumerate(lengths)]
    parts = [written(tmp_path / "a", documents[:40]), written(tmp_path / "b", documents[40:])]
    store = stored(parts)
    assert 1 < len(set(parts[0][1])) < 40, "groups are of several documents"
    for _ in range(20):
        rows = random.integers(60, size=10)
        assert store.read(rows) == [documents[row] for row in rows.tolist()]
    assert store.read(np.array([], np.int64)) == []
