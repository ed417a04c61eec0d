"""Ways to find the nearest of many vectors, compared: recall, bytes, CPU time, time to build.

python -m infra.bench.codes VECTORS.npy QUERIES.npy --copies 1

VECTORS.npy has unit vectors of a corpus in float32, shape (n, dimension), QUERIES.npy those of
queries. With more copies, each vector is there again with a tenth of noise: bytes and times are
true then, and recall is that of a collection with many near duplicates.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Annotated, Any

import numpy as np
import typer
from usearch.index import Index

from handler.encoder import Vectors
from handler.index.arrays import Codes, Rows
from handler.index.vectors import VectorIndex, VectorWriter, compact, quantize
from infra.bench.start import start

K = 10
Search = Callable[[Vectors], Rows]


def main(
    vectors: Annotated[Path, typer.Argument(help="Unit vectors, float32, as .npy.")],
    queries: Annotated[Path, typer.Argument(help="Unit vectors of queries.")],
    copies: Annotated[int, typer.Option(help="How often each vector is there.", min=1)] = 1,
) -> None:
    """Print one line for each way; all use one thread."""
    data, asked = _copied(np.load(vectors), copies), np.load(queries)[:200]
    truth = [np.argpartition(-(data @ query), K)[:K] for query in asked]
    print(f"{len(data):,} vectors, {len(asked)} queries; CPU time; bytes beside the int8 vectors")
    with tempfile.TemporaryDirectory() as scratch:
        index, seconds = _ours(data, Path(scratch))
        bits = data.shape[1] // 8
        _row("exact scan of int8", 0, 0.0, lambda q: index.exact().search(q, K)[0], asked, truth)
        _row(
            "sign bits, 2,000 rescored",
            bits,
            seconds,
            lambda q: index.search(q, K)[0],
            asked,
            truth,
        )
        for name, codes, options in _graphs(data):
            _row(*_graph(name, codes, options, index, Path(scratch)), asked, truth)


def _copied(data: Vectors, copies: int) -> Vectors:
    random = np.random.default_rng(0)
    parts = [data]
    for _ in range(copies - 1):
        noise = random.standard_normal(data.shape, np.float32) * (0.1 / data.shape[1] ** 0.5)
        noisy = data + noise
        parts.append(noisy / np.linalg.norm(noisy, axis=1, keepdims=True))
    return np.concatenate(parts)


def _ours(data: Vectors, folder: Path) -> tuple[VectorIndex, float]:
    writer, started = VectorWriter(folder, "i8"), process_time()
    for at in range(0, len(data), 10_000):
        writer.add(data[at : at + 10_000])
    writer.close()
    seconds = process_time() - started
    return VectorIndex.open([folder], "i8", data.shape[1]), seconds


def _graphs(data: Vectors) -> list[tuple[str, Codes, dict[str, Any]]]:
    """Return name, codes and options of each graph."""
    codes, _ = quantize(data, "i8")
    binary = {"metric": "hamming", "dtype": "b1"}
    return [
        (
            "USearch, i8, connectivity 32",
            codes,
            {"connectivity": 32, "metric": "cos", "dtype": "i8"},
        ),
        ("USearch, sign bits, connectivity 16", compact(codes), {"connectivity": 16, **binary}),
        ("USearch, sign bits, connectivity 8", compact(codes), {"connectivity": 8, **binary}),
    ]


def _graph(
    name: str, codes: Codes, options: dict[str, Any], index: VectorIndex, folder: Path
) -> tuple[str, float, float, Search]:
    dimension = index.segments[0].codes.shape[1]
    binary = options["dtype"] == "b1"
    graph = Index(
        ndim=dimension, expansion_add=256, expansion_search=1000 if binary else 300, **options
    )
    started = process_time()
    graph.add(np.arange(len(codes)), codes, threads=1)
    seconds = process_time() - started
    graph.save(str(folder / "graph"))

    def search(query: Vectors) -> Rows:
        code = compact(query[None])[0] if binary else quantize(query[None], "i8")[0][0]
        found = graph.search(code, 500 if binary else 100).keys.astype(np.int64)
        return index.search_among(query, found, K)[0]

    return name, (folder / "graph").stat().st_size / len(codes), seconds, search


def _row(
    name: str, size: float, seconds: float, search: Search, asked: Vectors, truth: list[Rows]
) -> None:
    started = process_time()
    found = [search(query) for query in asked]
    each = (process_time() - started) / len(asked)
    recall = np.mean([np.isin(best, rows).mean() for best, rows in zip(truth, found, strict=True)])
    print(
        f"{name}: recall@10 {recall:.3f}, {size:.0f} bytes, {1000 * each:.2f} ms, "
        f"built in {seconds:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    start(main)
