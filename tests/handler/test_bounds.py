"""Corpora that are too large: a record, an object or a schema beyond its bound costs nothing more."""

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from handler.corpus.bounds import Bounds
from handler.corpus.document import Document
from handler.corpus.options import ReadOptions
from handler.corpus.records import Reject, read_corpus
from handler.corpus.schema import Schema, observe
from handler.corpus.spool import Spool
from handler.settings import Settings

BOUNDS = Bounds(record_bytes=1000, object_bytes=100_000)
KINDS = ["c.jsonl", "c.csv", "c.md"]


def read(path: Path, data: bytes, bounds: Bounds = BOUNDS) -> list[Document | Reject]:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return [*read_corpus(path, ReadOptions(bounds=bounds))]


def ids(items: list[Document | Reject]) -> list[str]:
    return [item.id if isinstance(item, Document) else item.reason for item in items]


def line(key: str, size: int) -> bytes:
    """Return a JSON line of `size` bytes, its end included."""
    text = json.dumps({"id": key, "text": "x"})
    return (text[:-2] + "x" * (size - len(text) - 1) + '"}\n').encode()


def test_a_line_of_just_the_bound_and_one_beyond(tmp_path: Path) -> None:
    data = line("a", 1001) + line("b", 1002) + line("c", 50) + line("d", 1000)[:-1]
    found = ids(read(tmp_path / "c.jsonl", data))
    assert found[0::2] == ["a", "c"]
    assert "more than 1,000 bytes" in found[1]
    assert "QUERYTOWER_MAX_RECORD_BYTES" in found[1]
    assert found[3] == "d"


def test_the_numbers_of_lines_after_one_that_is_too_long(tmp_path: Path) -> None:
    items = read(tmp_path / "c.jsonl", line("a", 90_000) + b"\nbroken\n")
    assert [item.line for item in items if isinstance(item, Reject)] == [1, 3]


def test_rows_of_several_lines_are_bounded_as_a_whole(tmp_path: Path) -> None:
    long = b'b,"' + b"words\n" * 400 + b'"\n'
    items = read(tmp_path / "c.csv", b"id,text\na,one\n" + long + b"c,three\n")
    found = ids(items)
    assert found[0] == "a"
    assert "more than 1,000 bytes" in found[1]
    assert found[2:] == ["c"]


@pytest.mark.parametrize("end", [b'"', b'words"', b'words "" and"', b'", ', b'"""'])
def test_rows_after_an_oversized_one_are_kept(tmp_path: Path, end: bytes) -> None:
    long = b'b,"' + b"words\n" * 400 + end + b"\n"
    items = read(
        tmp_path / "c.csv", b"id,text\na,one\n" + long + b"c,three\nbad,row,here\n" + b"d,four\n"
    )
    found = ids(items)
    assert (found[0], found[2], found[4]) == ("a", "c", "d")
    assert "more lines were skipped" in found[1]
    assert [item.line for item in items if isinstance(item, Reject)] == [3, 405]


def test_rows_far_below_a_quote_that_is_never_closed_are_kept(tmp_path: Path) -> None:
    rows = b"".join(b"%d,some words\n" % number for number in range(200))
    found = ids(read(tmp_path / "c.csv", b'id,text\na,"one\n' + rows))
    assert "more than 1,000 bytes" in found[0]
    assert found[-1] == "199"
    assert len(found) > 100


@pytest.mark.parametrize("name", [f"{kind}.gz" for kind in KINDS])
def test_a_bomb_is_one_rejected_record_and_takes_no_memory(tmp_path: Path, name: str) -> None:
    data = gzip.compress(b"x" * 50_000_000, compresslevel=1)
    (tmp_path / name).write_bytes(data)
    bounds = Bounds(record_bytes=1_000_000)
    tracemalloc.start()
    try:
        (item,) = read_corpus(tmp_path / name, ReadOptions(bounds=bounds))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(item, Reject)
    assert "more than 1,000,000 bytes" in item.reason
    assert peak < 10_000_000


@pytest.mark.parametrize("name", ["c.jsonl.gz", "c.csv.gz"])
def test_the_rest_of_an_object_that_is_too_large_is_named(tmp_path: Path, name: str) -> None:
    head, row = (
        (b"id,text\n", b"%d,words\n") if "csv" in name else (b"", b'{"id": %d, "text": "words"}\n')
    )
    found = ids(read(tmp_path / name, head + b"".join(row % number for number in range(30_000))))
    assert len(found) < 20_000
    assert found[:2] == ["0", "1"]
    assert "QUERYTOWER_MAX_OBJECT_BYTES" in found[-1]
    assert found[-2].isdigit()


def test_only_so_many_fields_are_filtered_by(tmp_path: Path) -> None:
    schema: Schema = {}
    observe(schema, {"a": 1, "b": 2, "c": 3}, 2)
    observe(schema, {"c": 3, "b": 2.5}, 2)
    assert [(name, field.kind, field.documents) for name, field in schema.items()] == [
        ("a", "integer", 1),
        ("b", "float", 2),
    ]

    def documents() -> Iterator[Document]:
        for key in "ab":
            names = {f"{key}{number}": number for number in range(3)}
            yield Document(id=key, title="", text=key, url="", metadata={**names})

    spool = Spool.write(documents(), tmp_path / "spool", tmp_path / "rejects", 0.0, max_fields=4)
    assert [*spool.schema] == ["a0", "a1", "a2", "b0"]
    assert spool.left_out == "b1"
    assert [len(document.metadata) for document in spool] == [3, 3]


def test_bounds_come_from_the_settings() -> None:
    names = {
        "QUERYTOWER_MAX_RECORD_BYTES": "2000",
        "QUERYTOWER_MAX_OBJECT_BYTES": "3000",
        "QUERYTOWER_MAX_FIELDS": "4",
    }
    assert Bounds.of(Settings.from_mapping(names)) == Bounds(
        record_bytes=2000,
        object_bytes=3000,
        fields=4,
    )
    assert Bounds.of(Settings()) == Bounds()
