"""The reindex at scale: documents per second, the cost of a 1 % change, first answer, memory.

python -m infra.bench.reindex CORPUS --model build/demo/model --store s3://bucket/bench

Bytes are counted at the store's interface. A folder is read in place, so only object storage shows
how much is moved. With --random-vectors, texts are tokenized but not encoded: what is left is the
cost of everything else.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from handler.corpus.document import Document
from handler.corpus.records import read_corpus
from handler.corpus.sources import StoreCorpus
from handler.encoder import Encoder, Vectors
from handler.errors import IndexUnavailable
from handler.reindex.job import Outcome, ReindexJob
from handler.reindex.pipeline import reindex
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from handler.storage.store import Store
from handler.versions.live_index import LiveIndex
from handler.versions.repository import IndexRepository
from infra.bench.start import DEMO_MODEL, ModelFolder, start
from infra.cli.index_view import shown
from infra.cli.reindex_view import tell

INDEX = "bench"
OBJECTS = 100


@dataclass(frozen=True)
class CountingStore(Store):
    """A store that counts the bytes read and written."""

    counts: dict[str, int] = field(default_factory=lambda: {"read": 0, "written": 0})

    def get(self, path: str) -> tuple[bytes, str]:
        """Count the body."""
        body, etag = super().get(path)
        self.counts["read"] += len(body)
        return body, etag

    def download(self, path: str, to: Path, *, size: int, etag: str | None = None) -> None:
        """Count the size."""
        super().download(path, to, size=size, etag=etag)
        self.counts["read"] += size

    def put(self, path: str, data: bytes | Path) -> str:
        """Count the size."""
        self.counts["written"] += len(data) if isinstance(data, bytes) else data.stat().st_size
        return super().put(path, data)

    def taken(self) -> tuple[float, float]:
        """Return the megabytes read and written since the last call."""
        read, written = self.counts["read"] / 1e6, self.counts["written"] / 1e6
        self.counts.update(read=0, written=0)
        return read, written


class RandomEncoder(Encoder):
    """Gives each text a random vector, the same each time, in place of the model's.

    The vectors lie in a subspace of 24 dimensions. Those of a model lie near one too; uniformly
    random ones are all equally far from each other, and no index finds the nearest.
    """

    @cached_property
    def _basis(self) -> Vectors:
        shape = (24, self.dimension)
        return np.random.default_rng(0).standard_normal(shape).astype(np.float32)

    def encode_tokens(self, ids: Sequence[list[int]]) -> Vectors:
        """Return random unit vectors, shape (len(ids), dimension)."""
        digests = [blake2b(np.array(each).tobytes(), digest_size=8).digest() for each in ids]
        generators = [np.random.default_rng(int.from_bytes(each)) for each in digests]
        latent = [each.standard_normal(len(self._basis)) for each in generators]
        vectors: Vectors = np.array(latent, np.float32).reshape(len(ids), -1) @ self._basis
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The parts of every run, and the rows of the table."""

    store: CountingStore
    corpus: CountingStore
    encoder: Encoder
    documents: int
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def repository(self) -> IndexRepository:
        """The index."""
        return IndexRepository(self.store, INDEX)

    def run(self, name: str) -> Outcome:
        """Reindex, and add a row with what that took."""
        self.store.taken(), self.corpus.taken()
        forget_peak_memory()
        started = perf_counter()
        with shown() as progress:
            job = ReindexJob(
                corpus=StoreCorpus(self.corpus),
                repository=self.repository,
                encoder=self.encoder,
                progress=progress,
                tell=tell,
                measure=lambda *_, **__: None,
            )
            outcome = reindex(job)
        seconds = perf_counter() - started
        read, written = self.store.taken()
        row = {
            "run": name,
            "outcome": outcome.kind,
            "encoded": outcome.encoded,
            "seconds": round(seconds, 1),
            "documents/s": round(self.documents / seconds),
            "corpus MB": round(self.corpus.taken()[0], 1),
            "index MB read": round(read, 1),
            "index MB written": round(written, 1),
            "peak MB": round(peak_memory()),
        }
        self.rows.append(row)
        return outcome


def main(
    corpus: Annotated[Path, typer.Argument(help="Corpus, such as 100,000 abstracts as JSONL.")],
    model: ModelFolder = DEMO_MODEL,
    store: Annotated[
        str, typer.Option(help="Folder or URL; an index in it is brought up to date.")
    ] = "build/reindex",
    documents: Annotated[
        int, typer.Option(help="Documents to index; a corpus with fewer is repeated.")
    ] = 100_000,
    chars: Annotated[int, typer.Option(help="Characters of each text to index.")] = 10_000,
    random_vectors: Annotated[
        bool, typer.Option("--random-vectors", help="Measure everything but the encoding.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure a full run, a run without changes, and two runs after a change of 1 %.

    The change is in one of 100 objects, then in all of them.
    """
    encoder_class = RandomEncoder if random_vectors else Encoder
    bench = Bench(
        store=CountingStore.open(f"{store}/store"),
        corpus=CountingStore.open(f"{store}/corpus"),
        encoder=encoder_class.open(model, os.cpu_count() or 1),
        documents=documents,
    )
    source = Sample(corpus, documents, chars)
    source.write(bench.corpus)
    try:
        bench.repository.pointer()
        bench.run("brought up to date")
    except IndexUnavailable:
        bench.run("full")
    bench.run("no change")
    source.write(bench.corpus, "together")
    bench.run("1 % changed, in one object")
    source.write(bench.corpus, "together", "apart")
    with TemporaryDirectory() as cache:
        searching = follower(bench, Path(cache))
        published = bench.run("1 % changed, in all objects").version
        seconds = first_answer(searching, published, bench.encoder)
    show(bench.rows, seconds, as_json)


@dataclass(frozen=True, slots=True)
class Sample:
    """Documents of a corpus: how many, and how many characters of each text."""

    path: Path
    documents: int
    chars: int

    def write(self, store: Store, *changes: str) -> None:
        """Write a hundred objects; "together" and "apart" say where 1 % of the texts differ."""
        documents, size = self._read(), max(self.documents // OBJECTS, 1)
        for number in count():
            lines = []
            for row, document in enumerate(islice(documents, size)):
                text = document.text[: self.chars]
                text += " This came later." if "together" in changes and number == 0 else ""
                text += " This came last." if "apart" in changes and row % 100 == 50 % size else ""
                fields = {"id": document.id, "title": document.title, "text": text}
                lines.append(json.dumps(fields | document.metadata))
            if not lines:
                return
            _put_changed(store, f"part-{number:05}.jsonl", ("\n".join(lines) + "\n").encode())

    def _read(self) -> Iterator[Document]:
        found = (
            replace(
                item, id=f"{item.id}/{turn}", title=f"{item.title} {turn}" if turn else item.title
            )
            for turn in count()
            for item in read_corpus(self.path)
            if isinstance(item, Document)
        )
        return islice(found, self.documents)


def _put_changed(store: Store, path: str, data: bytes) -> None:
    """Write an object, unless it is a file with this content already."""
    file = store.local and store.local / path
    if not file or not file.exists() or file.read_bytes() != data:
        store.put(path, data)


def follower(bench: Bench, cache: Path) -> LiveIndex:
    """Open the current version as a warm function does."""
    fingerprint = bench.encoder.manifest.fingerprint
    live = LiveIndex(bench.repository, cache=cache, fingerprint=fingerprint, poll_seconds=0.0)
    live.current()
    return live


def first_answer(live: LiveIndex, version: str, encoder: Encoder) -> float:
    """Return the seconds until a warm function that polls now answers from `version`."""
    started = perf_counter()
    searcher = Searcher(encoder)
    while True:
        index = live.current()
        searcher.search(index, SearchRequest(query="phase transitions in two dimensions"))
        if index.manifest.version == version:
            return perf_counter() - started


def forget_peak_memory() -> None:
    """Reset the peak of memory to its present use (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory() -> float:
    """Return the peak of memory in megabytes, mapped files included (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


def show(rows: list[dict[str, Any]], seconds: float, as_json: bool) -> None:
    """Print the figures: those of each run, and the seconds until a warm function answers."""
    console = Console()
    console.width = max(console.width, 140)
    if as_json:
        figures = {"runs": rows, "publish_to_first_answer_seconds": round(seconds, 2)}
        print(json.dumps(figures, indent=1))
        return
    table = Table(*rows[0])
    for row in rows:
        cells = [
            f"{value:,}" if isinstance(value, int | float) else value for value in row.values()
        ]
        table.add_row(*cells)
    console.print(table)
    console.print(
        f"publish to first answer of a warm function: {seconds:.2f} s, plus the poll interval"
    )


if __name__ == "__main__":
    start(main)
