"""querytower eval: measure how well an index answers judged queries."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from handler.errors import InvalidRequest
from infra.cli.commands.options import ModelFolder

if TYPE_CHECKING:
    from handler.search.request import Mode

ALL_MODES = "hybrid,semantic,keyword"


def eval(  # noqa: A001
    dataset: Annotated[
        Path,
        typer.Argument(
            help="Folder in the BEIR layout: corpus.jsonl, queries.jsonl, qrels/<split>.tsv."
        ),
    ],
    model: ModelFolder = Path("model"),
    modes: Annotated[
        str, typer.Option(help="Ways to search; the report compares the first to the others.")
    ] = ALL_MODES,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", dir_okay=False, help="Write the figures as JSON."),
    ] = None,
    html_file: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", dir_okay=False, help="Write a report with charts."),
    ] = None,
    split: Annotated[str, typer.Option(help="Which file of qrels/ to use.")] = "test",
    k: Annotated[
        int,
        typer.Option(
            "--k", "-k", help="Hits to a query; recall is measured at 10 and here.", min=10
        ),
    ] = 100,
    passages: Annotated[str, typer.Option(help="Tokens in a passage, or off.")] = "96",
    overlap: Annotated[
        int, typer.Option(help="Tokens shared with the passage before; else a quarter.")
    ] = -1,
    precision: Annotated[str, typer.Option(help="Vectors in i8 (half the size) or f16.")] = "i8",
    language: Annotated[
        str, typer.Option(help="Language whose word forms are merged, or none.")
    ] = "english",
    cache: Annotated[
        Path, typer.Option(help="Folder where indexes are kept for the next time.")
    ] = Path("~/.cache/querytower/eval"),
    threads: Annotated[
        int, typer.Option(help="Texts encoded at once; 0 for all cores.", min=0)
    ] = 0,
) -> None:
    """Measure nDCG, recall and MRR of the judged queries of DATASET, and how fast they are answered."""
    from handler.encoder import Encoder
    from infra.cli.index_view import build_options, shown
    from infra.evaluation.cached import open_index
    from infra.evaluation.dataset import Dataset
    from infra.evaluation.progress import run_shown, show
    from infra.evaluation.report import render
    from infra.evaluation.runs import Evaluation, oddities

    chosen = read_modes(modes)
    options = build_options(passages, overlap, precision, language)
    for file in filter(None, (json_file, html_file)):
        writable(file)
    threads = threads or os.cpu_count() or 1
    collection = Dataset.read(dataset, split)
    encoder = Encoder.open(model, threads)
    with shown() as progress:
        index = open_index(
            collection, encoder, options, cache.expanduser(), threads=threads, progress=progress
        )
    runs = run_shown(index, encoder, collection.queries, chosen, k)
    settings: dict[str, str | int] = {
        "passages": options.split.size or "off",
        "overlap": options.split.overlap,
        "precision": precision,
        "language": language,
        "split": split,
        "k": k,
    }
    warnings = collection.warnings + oddities(index, collection.queries)
    evaluation = Evaluation(collection.name, collection.queries, index, runs, settings, warnings)
    show(evaluation)
    if json_file:
        json_file.write_text(
            json.dumps(evaluation.to_dict(), indent=2, ensure_ascii=False) + "\n", "utf-8"
        )
    if html_file:
        html_file.write_text(render(evaluation), "utf-8")


def read_modes(text: str) -> "list[Mode]":
    """Return the modes of a list with commas, each once.

    Raises:
        InvalidRequest: one is unknown, or there is none.
    """
    from handler.search.request import MODES

    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names or not set(names) <= set(MODES):
        raise InvalidRequest(
            f"--modes is {text!r}; use one or more of {', '.join(MODES)}, separated by commas"
        )
    return cast("list[Mode]", names)


def writable(path: Path) -> None:
    """Make the folder that `path` lies in.

    Raises:
        InvalidRequest: that can't be done, or nothing can be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise InvalidRequest(
            f"{path} can't be written: {cause.strerror}; choose another file"
        ) from cause
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidRequest(f"{path} can't be written; choose another file")
