"""Documents per second to index a collection, beside other libraries with the same weights.

python -m infra.bench.indexing DATASET --model build/demo/model

DATASET is a folder in the BEIR layout. The engines run one after another, each in its own process
with its own defaults (threads, batches, precision). Imports and loading the model are not counted.
querytower writes its whole index, the others make vectors, and txtai also its default index. All
encode the 256 tokens that the model was trained for. Two engines have another default, which is
measured too: fastembed's published copy of the model says 128, and txtai takes the tokenizer's 512.
"""

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from handler.corpus.document import Document
from infra.bench.peers.functions import default_folder, run_command, run_in, task_root
from infra.bench.start import DEMO_MODEL, ModelFolder, start
from infra.evaluation.dataset import collection_file, read_documents

PROJECT = Path(__file__).parents[2]
INDEXERS = Path(__file__).parent / "peers" / "indexers.py"


@dataclass(frozen=True, slots=True)
class EngineRun:
    """An engine, the tokens of a text that it encodes, and a note if they are not the model's."""

    engine: str
    tokens: int = 256
    note: str = ""

    @property
    def title(self) -> str:
        """Return the run's name in the table."""
        return f"{self.engine}, {self.tokens} tokens{self.note}"


RUNS = (
    EngineRun("querytower"),
    EngineRun("fastembed"),
    EngineRun("fastembed", 128, " (as shipped)"),
    EngineRun("sentence-transformers"),
    EngineRun("txtai"),
    EngineRun("txtai", 512, " (default)"),
)


def main(
    dataset: Annotated[Path, typer.Argument(help="Folder in the BEIR layout.")],
    model: ModelFolder = DEMO_MODEL,
    sample: Annotated[
        int, typer.Option(help="Documents to index, taken evenly; 0 for all.", min=0)
    ] = 600,
    work: Annotated[Path, typer.Option(help="Folder for what the peers need.")] = default_folder(),  # noqa: B008
) -> None:
    """Index the same documents with each engine in turn."""
    corpus = collection_file(dataset, "corpus.jsonl")
    documents = [item for item in read_documents(corpus) if isinstance(item, Document)]
    count = min(sample or len(documents), len(documents))
    taken = [documents[row * len(documents) // count] for row in range(count)]
    speeds = {}
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(
            json.dumps({"id": d.id, "title": d.title, "text": d.text}) + "\n" for d in taken
        )
        file.flush()
        for run in RUNS:
            speeds[run] = count / _seconds(run, model, Path(file.name), work)
            print(f"{run.title}: {speeds[run]:.1f} documents/s", file=sys.stderr)
    _show(f"{count} documents of {dataset.name}", speeds)


def _seconds(run: EngineRun, model: Path, documents: Path, work: Path) -> float:
    if run.engine == "querytower":
        arguments = [run.engine, str(model), str(documents), str(run.tokens)]
        environment = os.environ | {"PYTHONPATH": str(PROJECT)}
        answer = run_command([sys.executable, "-P", str(INDEXERS), *arguments], environment)
    else:
        folder = task_root(run.engine, work)
        answer = run_in(folder, work, INDEXERS, run.engine, folder / "model", documents, run.tokens)
    return float(json.loads(answer.splitlines()[-1])["seconds"])


def _show(title: str, speeds: dict[EngineRun, float]) -> None:
    table = Table("", title=title, title_justify="left")
    table.add_column("documents/s", justify="right")
    table.add_column("querytower is faster by", justify="right")
    for run, speed in speeds.items():
        ratio = "" if run == RUNS[0] else f"{speeds[RUNS[0]] / speed:.1f} ×"
        table.add_row(run.title, f"{speed:.1f}", ratio)
    Console().print(table)


if __name__ == "__main__":
    start(main)
