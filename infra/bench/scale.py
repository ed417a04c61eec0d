"""Build and search at 100,000 documents: time, size, memory, latency against the floor, and recall.

python -m infra.bench.scale CORPUS --model build/demo/model --work build/scale
"""

import os
import resource
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from handler.corpus.document import Document
from handler.corpus.passages import Split
from handler.corpus.records import read_corpus
from handler.corpus.schema import Schema, observe
from handler.encoder import Encoder, TextKind, Vectors
from handler.index.index_version import IndexVersion
from handler.index.vectors import Precision
from handler.index.writer import Options, build_version
from handler.versions.repository import IndexRepository
from infra.bench.calls import bare_parts, handler_call, time_in_turn
from infra.bench.report import Timing, show
from infra.bench.start import DEMO_MODEL, ModelFolder, start
from infra.cli.index_view import shown

# Each document gets a number from 0 to 999, by which filters of any selectivity can be written.
DRAW = "draw"
SELECTIVITIES = {"50 %": 500, "10 %": 100, "1 %": 10, "0.1 %": 1}


class Recorder(Encoder):
    """An encoder that records its vectors in a file, so that a second index reuses them."""

    record: Path
    replaying = False
    at = 0

    def encode(self, texts: list[str], kind: TextKind) -> Vectors:  # type: ignore[override]
        """Encode and record, or take the next vectors from the record."""
        if kind == "query":
            return super().encode(texts, kind)
        if self.replaying:
            vectors = np.memmap(self.record, np.float32, "r").reshape(-1, self.dimension)
            self.at += len(texts)
            return np.asarray(vectors[self.at - len(texts) : self.at])
        made = super().encode(texts, kind)
        with self.record.open("ab") as file:
            file.write(made.tobytes())
        return made


def main(
    corpus: Annotated[Path, typer.Argument(help="Corpus, such as 100,000 abstracts as JSONL.")],
    model: ModelFolder = DEMO_MODEL,
    work: Annotated[
        Path, typer.Option(help="Folder for the indexes; what is there is used again.")
    ] = Path("build/scale"),
    documents: Annotated[int, typer.Option(help="Documents to take.")] = 100_000,
    passages: Annotated[int, typer.Option(help="Tokens in a passage; 0 for whole documents.")] = 0,
    rounds: Annotated[int, typer.Option(help="How often each of 100 queries is asked.", min=1)] = 3,
) -> None:
    """Measure both precisions in one process, with one thread for each query."""
    work.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "QUERYTOWER_STORE": str(work / "store"),
        "QUERYTOWER_MODEL": str(model.absolute()),
        "QUERYTOWER_CACHED_QUERIES": "0",
        "QUERYTOWER_POLL_SECONDS": "3600",
        "_HANDLER": "handler.main.http",
    }
    texts = [
        document.title
        for document in islice(_documents(corpus, documents), 0, None, max(1, documents // 100))
    ]
    for precision in ("i8", "f16"):
        _build(corpus, documents, work, model, precision, Split(passages, passages // 4))
        _measure(precision, texts, rounds)


def _documents(corpus: Path, limit: int) -> Iterator[Document]:
    found = (item for item in read_corpus(corpus) if isinstance(item, Document))
    for row, document in enumerate(islice(found, limit)):
        yield replace(document, metadata={**document.metadata, DRAW: row * 7919 % 1000})


def _build(
    corpus: Path, limit: int, work: Path, model: Path, precision: Precision, split: Split
) -> None:
    repository, console = IndexRepository.open(str(work / "store"), precision), Console()
    if (work / precision).exists():
        console.print(f"{precision}: the index in {work} is used again")
        return
    encoder = Recorder.open(model, os.cpu_count() or 1)
    encoder.record = work / "record.bin"
    encoder.replaying = (work / "recorded").exists()
    if not encoder.replaying:
        encoder.record.unlink(missing_ok=True)
    schema: Schema = {}
    for document in _documents(corpus, limit):
        observe(schema, document.metadata)
    folder = work / f"{precision}.part"
    folder.mkdir()
    started = perf_counter()
    with shown() as progress:
        progress("read", limit, limit)
        manifest = build_version(
            _documents(corpus, limit),
            folder,
            name=precision,
            schema=schema,
            encoder=encoder,
            options=Options(split, precision),
            progress=progress,
        )
    seconds = perf_counter() - started
    repository.upload(folder, manifest)
    repository.publish(manifest.version, None)
    (work / "recorded").touch()
    folder.rename(work / precision)
    size = sum(entry.bytes for entry in manifest.files.values())
    how = "without encoding, which was recorded" if encoder.replaying else "encoding included"
    console.print(
        f"{precision}: built in {seconds:.0f} s ({how}), {manifest.documents:,} documents, "
        f"{manifest.passages:,} passages, {size / manifest.documents:.0f} bytes a document"
    )


def _measure(precision: Precision, texts: list[str], rounds: int) -> None:
    from handler.main import service

    index, encoder = service().live(precision).current(), service().encoder
    path = f"/indexes/{precision}/search"
    assert isinstance(index, IndexVersion)  # noqa: S101
    floors = bare_parts(index, encoder, texts, precision)
    floor, with_words = floors
    calls = floors | {
        "semantic": handler_call(path, mode="semantic"),
        "keyword": handler_call(path, mode="keyword"),
        "hybrid": handler_call(path),
    }
    for share, below in SELECTIVITIES.items():
        calls[f"hybrid, filter that {share} pass"] = handler_call(
            path, filter={DRAW: {"$lt": below}}
        )
    timings = {
        name: Timing.of(seconds) for name, seconds in time_in_turn(calls, texts, rounds).items()
    }
    bases = {"semantic": timings[floor]} | {
        n: timings[with_words] for n in calls if n.startswith("hybrid")
    }
    show(
        f"{precision}: {index.manifest.documents:,} documents",
        [(n, t, bases.get(n)) for n, t in timings.items()],
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"recall@10 of the vector stage against exact float32: {_recall(index, encoder, texts):.4f}"
    )
    print(f"peak memory of this process, baselines included: {peak:.0f} MB\n")


def _recall(index: IndexVersion, encoder: Encoder, texts: list[str]) -> float:
    """Return the share of the 10 truly nearest passages that the vector index finds."""
    record = Path(os.environ["QUERYTOWER_STORE"]).parent / "record.bin"
    exact = np.memmap(record, np.float32, "r").reshape(-1, encoder.dimension)
    found = 0
    for text in texts:
        vector = encoder.encode([text], "query")[0]
        nearest = set(np.argpartition(-(exact @ vector), 10)[:10].tolist())
        found += len(nearest & set(index.vectors.search(vector, 100)[0][:10].tolist()))
    return found / (10 * len(texts))


if __name__ == "__main__":
    start(main)
