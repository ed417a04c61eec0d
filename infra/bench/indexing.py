"""Documents per second to index a collection with the same weights, against peers: one run, one engine after another.

python -m infra.bench.indexing DATASET --model build/demo/model

DATASET is a folder in the BEIR layout. Each engine has a process of its own and its own defaults (threads, batches,
precision); imports and loading of the model are not counted. querytower writes its whole index, the others make
vectors, txtai its default index too. All encode the 256 tokens that the model was trained for; two peers would by
default encode another number, with which they are measured as well: fastembed's published copy of the model says 128,
txtai goes by the tokenizer's 512.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from handler.corpus.document import Document
from infra.bench.peers.functions import default_folder, run_in, task_root
from infra.evaluation.dataset import read_documents

PROJECT = Path(__file__).parents[2]
INDEXERS = Path(__file__).parent / "peers" / "indexers.py"


@dataclass(frozen=True, slots=True)
class Run:
    """An engine, how many tokens of a text it encodes, and what that number is if not the model's own."""

    engine: str
    tokens: int = 256
    note: str = ""

    @property
    def title(self) -> str:
        """Say which run this is."""
        return f"{self.engine}, {self.tokens} tokens{self.note}"


RUNS = (
    Run("querytower"),
    Run("fastembed"),
    Run("fastembed", 128, " (as shipped)"),
    Run("sentence-transformers"),
    Run("txtai"),
    Run("txtai", 512, " (default)"),
)


def main(
    dataset: Annotated[Path, typer.Argument(help="Folder in the BEIR layout.")],
    model: Annotated[Path, typer.Option(help="Folder of the model bundle.")] = Path(
        "build/demo/model"
    ),
    sample: Annotated[
        int, typer.Option(help="Documents to index, taken evenly; 0 for all.", min=0)
    ] = 600,
    work: Annotated[Path, typer.Option(help="Folder for what the peers need.")] = default_folder(),  # noqa: B008
) -> None:
    """Index the same documents with each engine in turn."""
    documents = [
        item for item in read_documents(dataset / "corpus.jsonl") if isinstance(item, Document)
    ]
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


def _seconds(run: Run, model: Path, documents: Path, work: Path) -> float:
    if run.engine == "querytower":
        command = [
            sys.executable,
            "-P",
            str(INDEXERS),
            run.engine,
            str(model),
            str(documents),
            str(run.tokens),
        ]
        environment = os.environ | {"PYTHONPATH": str(PROJECT)}
        answer = subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout
    else:
        folder = task_root(run.engine, work)
        answer = run_in(folder, work, INDEXERS, run.engine, folder / "model", documents, run.tokens)
    return float(json.loads(answer.splitlines()[-1])["seconds"])


def _show(title: str, speeds: dict[Run, float]) -> None:
    table = Table("", title=title, title_justify="left")
    table.add_column("documents/s", justify="right")
    table.add_column("querytower is faster by", justify="right")
    for run, speed in speeds.items():
        table.add_row(
            run.title, f"{speed:.1f}", "" if run == RUNS[0] else f"{speeds[RUNS[0]] / speed:.1f} ×"
        )
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
