"""Vectors that come with a corpus, taken instead of encoding."""

import json
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from handler.corpus.options import ReadOptions
from handler.corpus.sources import open_corpus
from handler.encoder import Encoder
from handler.errors import CorpusError
from tests.handler.reindexing import Counting, Place

TEXTS = ["a lighthouse in a storm", "trees in fog", "the price of bread", "a long winter"]
OPTIONS = ReadOptions(vectors="embedding")


def records(encoder: Encoder, vectors: np.ndarray | None = None) -> list[dict[str, object]]:
    if vectors is None:
        vectors = encoder.encode(TEXTS, "document")
    return [
        {"id": str(number), "text": text, "embedding": vector.tolist(), "n": number}
        for number, (text, vector) in enumerate(zip(TEXTS, vectors, strict=True))
    ]


def write(path: Path, rows: list[dict[str, object]]) -> str:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


@pytest.mark.parametrize("name", ["c.jsonl", "c.parquet"])
def test_own_vectors_are_taken(encoder: Encoder, tmp_path: Path, name: str) -> None:
    rows = records(encoder)
    if name == "c.jsonl":
        del rows[2]["embedding"]
    url = write(tmp_path / "own" / name, rows)
    place = Place(tmp_path, Counting(encoder))
    outcome = place.run(corpus=open_corpus(url), reading=OPTIONS)
    assert outcome.encoded == (1 if name == "c.jsonl" else 0)
    index = place.current()
    assert index.document(0).metadata == {"n": 0}
    assert [*index.manifest.schema] == ["n"]
    expected = encoder.encode(TEXTS, "document")
    stored = index.vectors.vectors(np.arange(4))
    assert (np.sum(stored * expected, axis=1) > 0.99).all()


def test_vectors_of_another_model_are_refused(encoder: Encoder, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    place = Place(tmp_path, Counting(encoder))
    foreign = rng.normal(size=(4, encoder.dimension)).astype(np.float32)
    url = write(tmp_path / "own" / "c.jsonl", records(encoder, foreign))
    with pytest.raises(CorpusError, match=r"are not of .*: their median cosine to its own is"):
        place.run(corpus=open_corpus(url), reading=OPTIONS)
    short = rng.normal(size=(4, encoder.dimension - 1)).astype(np.float32)
    url = write(tmp_path / "own" / "c.jsonl", records(encoder, short))
    with pytest.raises(CorpusError, match=rf"vectors of {encoder.dimension - 1} numbers, and"):
        place.run(corpus=open_corpus(url), reading=OPTIONS)


@pytest.mark.parametrize("value", ["words", [1.0, "x"], [0.0, 0.0], {"a": 1.0}])
def test_what_is_no_vector_is_refused(encoder: Encoder, tmp_path: Path, value: object) -> None:
    rows = records(encoder)
    rows[1]["embedding"] = value
    url = write(tmp_path / "own" / "c.jsonl", rows)
    place = Place(tmp_path, Counting(encoder))
    if isinstance(value, dict):  # an object is no list, so this record has no vector
        assert place.run(corpus=open_corpus(url), reading=OPTIONS).encoded == 1
        return
    with pytest.raises(
        CorpusError, match=r"document '1': embedding (is no vector|has \d+ numbers)"
    ):
        place.run(corpus=open_corpus(url), reading=OPTIONS)


def test_a_field_of_vectors_that_is_not_there(encoder: Encoder, tmp_path: Path) -> None:
    url = write(tmp_path / "own" / "c.jsonl", [{"id": "1", "text": "t"}])
    place = Place(tmp_path, Counting(encoder))
    with pytest.raises(CorpusError, match="no record has a field 'embedding'; there are: id, text"):
        place.run(corpus=open_corpus(url), reading=OPTIONS)


def test_a_new_vector_for_the_same_text_is_taken_by_a_reindex(
    encoder: Encoder, tmp_path: Path
) -> None:
    vectors = encoder.encode(TEXTS, "document")
    url = write(tmp_path / "own" / "c.jsonl", records(encoder, vectors))
    place = Place(tmp_path, Counting(encoder))
    place.run(corpus=open_corpus(url), reading=OPTIONS)
    assert place.run(corpus=open_corpus(url), reading=OPTIONS).kind == "unchanged"
    changed = vectors.copy()
    changed[1] += 0.2 * vectors[3]
    write(tmp_path / "own" / "c.jsonl", records(encoder, changed))
    outcome = place.run(corpus=open_corpus(url), reading=OPTIONS)
    assert (outcome.kind, outcome.encoded) == ("published", 0)
    expected = changed / np.linalg.norm(changed, axis=1, keepdims=True)
    index = place.current()
    for row in index.order:
        stored = index.vectors.vectors(np.array([row]))[0]
        assert stored @ expected[int(index.document(row).id)] > 0.999
