"""A judged collection in the function and in Lance, side by side: quality, recall, requests, time.

python -m infra.bench.beyond.lance scifact --model model
"""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from handler.encoder import Encoder, Vectors
from handler.index.engine import Engine
from handler.index.index_version import IndexVersion
from handler.search.request import Mode, SearchRequest
from handler.search.searcher import Searcher
from handler.tiers.lance import stage
from handler.tiers.lance.engine import LanceVersion
from handler.tiers.lance.tier import LanceTier
from infra.bench.start import DEMO_MODEL, ModelFolder, start
from infra.cli.index_view import build_options
from infra.evaluation.cached import open_index
from infra.evaluation.dataset import Dataset, JudgedQuery
from infra.evaluation.runs import run

MODES: tuple[Mode, ...] = ("semantic", "keyword", "hybrid")
NEAREST = 10


def recall(index: IndexVersion, engine: Engine, vectors: Vectors) -> float:
    """Return the share of the 10 nearest by exact cosines that the engine finds.

    `vectors` are those of the queries, shape (queries, dimension).
    """
    stored = index.vectors_of(index.vectors.live).astype(np.float32)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    owners = index.owners[index.vectors.live]
    found = 0
    for vector in vectors:
        best: dict[int, None] = {}
        for at in np.argsort(-(stored @ vector)):
            best.setdefault(int(owners[at]), None)
            if len(best) == NEAREST:
                break
        found += len(best.keys() & {*engine.nearest(vector, 100).documents[:NEAREST].tolist()})
    return found / (NEAREST * len(vectors))


def quality(engine: Engine, encoder: Encoder, queries: list[JudgedQuery]) -> dict[str, str]:
    """Return nDCG@10 of each mode, and percentiles of the time of hybrid answers."""
    figures = {}
    for mode in MODES:
        summary = run(engine, encoder, queries, mode, 10, lambda: None).summary()
        figures[f"nDCG@10 {mode}"] = f"{summary['ndcg@10']:.4f}"
    figures["hybrid p50, p99"] = f"{summary['p50_ms']:.0f}, {summary['p99_ms']:.0f} ms"
    return figures


def reads(engine: LanceVersion, encoder: Encoder, queries: list[JudgedQuery]) -> dict[str, str]:
    """Return requests and bytes that a hybrid query reads from storage, medians."""
    searcher, counts = Searcher(encoder), []
    for query in queries:
        for dataset in (engine.documents, engine.passages):
            dataset.io_stats_incremental()
        searcher.search(engine, SearchRequest(query=query.text, k=10))
        stats = [each.io_stats_incremental() for each in (engine.documents, engine.passages)]
        counts.append([sum(s.read_iops for s in stats), sum(s.read_bytes for s in stats)])
    requests, size = np.median(np.array(counts), axis=0)
    return {"requests, bytes a query": f"{requests:.0f}, {size / 1e6:.2f} MB"}


def main(
    dataset: Annotated[Path, typer.Argument(help="Collection in BEIR's format.")],
    model: ModelFolder = DEMO_MODEL,
    flat: Annotated[
        int, typer.Option(help="Passages below which all vectors are compared.")
    ] = stage.FLAT,
    cache: Annotated[Path, typer.Option(help="Folder for the function's index.")] = Path("var"),
) -> None:
    """Print the table."""
    stage.FLAT = flat
    collection, encoder = Dataset.read(dataset), Encoder.open(model, 2)
    index = open_index(collection, encoder, build_options("96", -1, "i8", "english"), cache)
    with tempfile.TemporaryDirectory() as folder:
        tier, started = LanceTier.at(folder), time.process_time()
        index.manifest.served.update(tier.stage(index, None))
        seconds = time.process_time() - started
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        lance = tier.open(index.manifest)
        vectors = encoder.encode([each.text for each in collection.queries], "query")
        columns = {"function": quality(index, encoder, collection.queries)}
        columns["lance"] = quality(lance, encoder, collection.queries)
        for name, engine in (("function", index), ("lance", lance)):
            columns[name]["recall@10 of vectors"] = f"{recall(index, engine, vectors):.4f}"
        columns["lance"] |= reads(
            LanceVersion(tier.datasets, index.manifest), encoder, collection.queries
        )
        print(
            f"{index.manifest.documents:,} documents, {index.manifest.passages:,} passages; "
            f"staged in {seconds:.0f} CPU s, {size / index.manifest.documents:,.0f} bytes each"
        )
    table = Table("", *columns)
    for figure in columns["lance"]:
        table.add_row(figure, *(column.get(figure, "") for column in columns.values()))
    Console().print(table)


if __name__ == "__main__":
    start(main)
