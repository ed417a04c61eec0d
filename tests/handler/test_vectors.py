"""Vectors: what exact and compact scans find, against NumPy in float32."""

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numkong
import numpy as np
import pytest

from handler.encoder import Encoder, Vectors
from handler.errors import IndexUnavailable
from handler.index.manifest import IndexFiles
from handler.index.vectors import Precision, VectorIndex, VectorWriter, quantize
from tests.handler.indexes import clustered, unit

DIMENSION = 96
DEMO = Path(__file__).parents[2] / "infra" / "demo"
EACH: tuple[Precision, ...] = get_args(Precision)


def write(folder: Path, vectors: Vectors, precision: Precision) -> VectorIndex:
    writer = VectorWriter(folder, precision)
    for start in range(0, len(vectors), 700):
        writer.add(vectors[start : start + 700])
    writer.close()
    return VectorIndex.open([folder], precision, vectors.shape[1])


def recall(index: VectorIndex, vectors: Vectors, queries: Vectors, k: int) -> float:
    found = 0
    for query in queries:
        rows, cosines = index.search(query, k)
        assert len(set(rows.tolist())) == len(rows) == len(cosines) == k
        assert (np.diff(cosines) <= 0).all()
        found += len(set(rows.tolist()) & set(np.argsort(-(vectors @ query))[:k].tolist()))
    return found / (k * len(queries))


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return clustered(4000, DIMENSION, seed=1)


@pytest.fixture(scope="module")
def queries() -> Vectors:
    return clustered(60, DIMENSION, seed=2)


@pytest.mark.parametrize("precision", EACH)
def test_exact_search(
    vectors: Vectors, queries: Vectors, precision: Precision, tmp_path: Path
) -> None:
    index = write(tmp_path, vectors, precision)
    assert len(index) == len(vectors)
    assert not index.approximate
    assert recall(index, vectors, queries, 100) >= 0.99
    errors = [
        np.abs(np.subtract(index.cosines(q, np.arange(4000)), vectors @ q)).max() for q in queries
    ]
    assert max(errors) < (0.01 if precision == "i8" else 0.001)


def test_exact_search_of_real_embeddings(model_dir: Path, tmp_path: Path) -> None:
    encoder = Encoder.open(model_dir, threads=2)
    books = [json.loads(line) for line in (DEMO / "corpus.jsonl").read_text("utf-8").splitlines()]
    wishes = [
        json.loads(line)["text"]
        for line in (DEMO / "queries.jsonl").read_text("utf-8").splitlines()
    ]
    vectors = encoder.encode([f"{book['title']} {book['text']}" for book in books], "document")
    queries = encoder.encode(wishes, "query")
    for precision in EACH:
        (tmp_path / precision).mkdir()
        assert recall(write(tmp_path / precision, vectors, precision), vectors, queries, 10) >= 0.99


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few vectors searched like many."""
    monkeypatch.setattr("handler.index.vectors.EXACT_UP_TO", 0)
    monkeypatch.setattr("handler.index.vectors.CANDIDATES", 200)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("precision", EACH)
def test_compact_codes_find_what_the_exact_scan_finds(
    vectors: Vectors, queries: Vectors, precision: Precision, tmp_path: Path
) -> None:
    index = write(tmp_path, vectors, precision)
    assert index.approximate
    exact, found = index.exact(), 0
    assert not exact.approximate
    for query in queries:
        rows, cosines = index.search(query, 10)
        best, top = exact.search(query, 10)
        found += len(set(rows.tolist()) & set(best.tolist()))
        known = dict(zip(best.tolist(), top.tolist(), strict=True))
        assert all(
            cosine == pytest.approx(known[row])
            for row, cosine in zip(rows.tolist(), cosines.tolist(), strict=True)
            if row in known
        )
    assert found / (10 * len(queries)) >= 0.97
    rows, _ = index.search(queries[0], len(vectors))
    assert sorted(rows.tolist()) == list(range(len(vectors)))


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("dimension", [5, 8, 31])
def test_compact_codes_of_any_dimension(dimension: int, tmp_path: Path) -> None:
    vectors = clustered(900, dimension, seed=4)
    index = write(tmp_path, vectors, "i8")
    assert index.approximate
    for row in range(0, 900, 97):
        assert index.search(vectors[row], 1)[1][0] > 0.99


@pytest.mark.usefixtures("many")
def test_many_vectors_with_one_compact_code(tmp_path: Path) -> None:
    vectors = unit(np.abs(clustered(600, 24, seed=5)))
    index = write(tmp_path, vectors, "f16")
    for k in (1, 30, 60, 600):
        rows, _ = index.search(vectors[7], k)
        assert rows.tolist() == index.exact().search(vectors[7], k)[0].tolist()


@pytest.mark.parametrize("precision", EACH)
def test_search_among_some_rows_is_exact(
    vectors: Vectors, queries: Vectors, precision: Precision, tmp_path: Path
) -> None:
    index = write(tmp_path, vectors[:1500], precision)
    random = np.random.default_rng(3)
    for query in queries[:10]:
        some = np.sort(random.choice(1500, 200, replace=False))
        rows, cosines = index.search_among(query, some, 20)
        all_of_them = index.cosines(query, some)
        best = np.argsort(-all_of_them, kind="stable")[:20]
        assert rows.tolist() == some[best].tolist()
        assert cosines.tolist() == all_of_them[best].tolist()
        assert len(index.search_among(query, some, 500)[0]) == 200
    assert len(index.search_among(queries[0], np.empty(0, np.int64), 5)[0]) == 0


def test_ties_come_in_the_order_of_rows(tmp_path: Path) -> None:
    vectors = np.repeat(unit(np.eye(3, DIMENSION)), 500, axis=0)
    index = write(tmp_path, vectors, "i8")
    query = unit(vectors[0] + 0.5 * vectors[500])
    for k in (1, 7, 499, 500, 501, 1200, 1500, 2000):
        rows, _ = index.search(query, k)
        assert rows.tolist() == list(range(min(k, 1500)))


@pytest.mark.parametrize("precision", EACH)
def test_vectors_come_back_nearly_as_they_were(
    vectors: Vectors, precision: Precision, tmp_path: Path
) -> None:
    index = write(tmp_path, vectors[:100], precision)
    rows = np.array([99, 0, 5])
    back = index.vectors(rows)
    np.testing.assert_allclose(back, vectors[rows], atol=0.004 if precision == "i8" else 0.0005)
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, atol=0.002)


def test_each_vector_uses_the_whole_range_of_a_byte(vectors: Vectors) -> None:
    codes, scales = quantize(vectors, "i8")
    assert (np.abs(codes.astype(int)).max(axis=1) == 127).all()
    np.testing.assert_allclose(
        np.linalg.norm(codes * scales[:, None].astype(float), axis=1), 1, atol=1e-5
    )
    zeros, scale = quantize(np.zeros((1, 5), np.float32), "i8")
    assert (zeros.tolist(), scale.tolist()) == ([[0] * 5], [1.0])


@pytest.mark.parametrize("dimension", [1, 31, 32, 384, 1024])
def test_dot_products_of_bytes_are_those_of_whole_numbers(dimension: int) -> None:
    random = np.random.default_rng(dimension)
    one = random.integers(-127, 128, (3, dimension), np.int8)
    other = random.integers(-127, 128, (500, dimension), np.int8)
    other[0], one[0] = 127, -127
    found = np.asarray(numkong.cdist(one, other, metric="dot"))
    assert (found == one.astype(np.int64) @ other.astype(np.int64).T).all()


def test_the_files_are_read_by_the_map(vectors: Vectors, queries: Vectors, tmp_path: Path) -> None:
    index = write(tmp_path, vectors[:200], "i8")
    before = index.search(queries[0], 5)[0].tolist()
    for path in tmp_path.iterdir():
        path.unlink()
    assert index.search(queries[0], 5)[0].tolist() == before
    assert len(index.search(queries[0], 200)[0]) == 200


def damage(folder: Path, name: str, size: int) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("name", "size"),
    [
        (IndexFiles.VECTORS, 0),
        (IndexFiles.VECTORS, -1),
        (IndexFiles.SCALES, -4),
        (IndexFiles.SCALES, 0),
        (IndexFiles.COMPACT, 1000),
        (IndexFiles.COMPACT, 0),
    ],
)
def test_files_that_dont_belong_together(
    vectors: Vectors, name: str, size: int, tmp_path: Path
) -> None:
    write(tmp_path, vectors[:200], "i8")
    damage(tmp_path, name, size)
    with pytest.raises(
        IndexUnavailable, match=f"{tmp_path} has no usable vectors: .*; index the corpus again"
    ):
        VectorIndex.open([tmp_path], "i8", DIMENSION)


def test_a_missing_file(vectors: Vectors, tmp_path: Path) -> None:
    write(tmp_path, vectors[:200], "f16")
    (tmp_path / IndexFiles.SCALES).unlink()
    with pytest.raises(IndexUnavailable, match="no usable vectors"):
        VectorIndex.open([tmp_path], "f16", DIMENSION)


@pytest.mark.parametrize("order", ["usearch.index, onnxruntime", "onnxruntime, usearch.index"])
def test_both_orders_of_import(order: str, tiny_model_dir: Path) -> None:
    code = (
        f"import {order}, sys, numpy\n"
        "index = usearch.index.Index(ndim=4)\n"
        "index.add(numpy.arange(3), numpy.eye(3, 4, dtype='f4'))\n"
        "onnxruntime.InferenceSession(sys.argv[1])\n"
        "print(index.search(numpy.eye(1, 4, 2, dtype='f4')[0], 1).keys)\n"
    )
    command = [sys.executable, "-c", code, str(tiny_model_dir / "encoder.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[2]\n"), done.stderr
