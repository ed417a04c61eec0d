"""A collection: what a program adds comes back as it was, is found, replaced, removed, kept."""

from pathlib import Path
from typing import Any

import pytest

from handler.errors import InvalidRequest
from querytower.collection import Collection
from querytower.results import Document
from tests.library import Library


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "documents.jsonl", tmp_path / "store"


def document(key: str, content: str, /, **metadata: Any) -> Document:
    return Document(id=key, title="", text=content, url="", metadata=metadata)


def test_what_is_added_comes_back_as_it_was(library: Library, paths: tuple[Path, Path]) -> None:
    collection = Collection(*paths, model=library.model)
    added = [
        document("1", " a boat <b>on</b> the coast\n", title="T", text="t", id=7, nested={"a": 1}),
        document("2", "trees on roofs", year=2020, tags=["green", "city"]),
    ]
    collection.add(added)
    assert [each for each, _ in collection.search("boat on the coast", mode="keyword")] == added[:1]
    assert [each for each, _ in collection.search("", filter={"year": 2020})] == added[1:]
    assert collection.get(["2", "none", "1"]) == added[::-1]
    again = Collection(*paths, model=library.model)
    assert [each for each, _ in again.search("boat on the coast", mode="keyword")] == added[:1]


def test_documents_are_replaced_and_removed(library: Library, paths: tuple[Path, Path]) -> None:
    collection = Collection(*paths, model=library.model)
    assert (collection.index, collection.search("tide")) == (None, [])
    collection.add([document("1", "tide", kind="a"), document("2", "fog", kind="b")])
    collection.add([document("1", "snow", kind="b")])
    assert collection.search("tide", mode="keyword") == []
    assert [each.id for each, _ in collection.search("snow", mode="keyword")] == ["1"]
    assert collection.ids(kind="b") == ["1", "2"]
    collection.delete(["1", "none"])
    assert collection.index is not None
    assert len(collection.index) == 1
    collection.delete(["2"])
    assert collection.search("fog") == []
    collection.add([document("3", "fog")])
    assert [each.id for each, _ in collection.search("fog")] == ["3"]


def test_faults_are_named(library: Library, paths: tuple[Path, Path]) -> None:
    collection = Collection(*paths, model=library.model)
    collection.add([document("1", "tide")])
    with pytest.raises(InvalidRequest, match="colour"):
        collection.search("tide", filter={"colour": "red"})
