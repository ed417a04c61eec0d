"""querytower eval: measure how well an index answers judged queries."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from export.cache import cache_folder
from handler.errors import InvalidRequest
from infra.cli.commands.options import (
    Language,
    ModelFolder,
    Overlap,
    Passages,
    Threads,
    VectorPrecision,
)

if TYPE_CHECKING:
    from handler.search.request import Mode
    from infra.evaluation.runs import Evaluation

ALL_MODES = "hybrid,semantic,keyword"

DatasetFolder = Annotated[
    Path,
    typer.Argument(
        help="Folder in the BEIR layout: corpus.jsonl, queries.jsonl, qrels/<split>.tsv."
    ),
]
Modes = Annotated[
    str, typer.Option(help="Ways to search; the report compares the first with the others.")
]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", dir_okay=False, help="Write the figures as JSON."),
]
HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", dir_okay=False, help="Write a report with charts."),
]
QrelsSplit = Annotated[str, typer.Option(help="Which file of qrels/ to use.")]
HitCount = Annotated[
    int,
    typer.Option(
        "--k", "-k", help="Hits for each query; recall is measured at 10 and here.", min=10
    ),
]
IndexCache = Annotated[
    Path | None,
    typer.Option(
        help="Folder that keeps the indexes.", show_default="~/.cache/querytower/evaluations"
    ),
]


def eval(  # noqa: A001
    dataset: DatasetFolder,
    model: ModelFolder = Path("model"),
    modes: Modes = ALL_MODES,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
    split: QrelsSplit = "test",
    k: HitCount = 100,
    passages: Passages = "96",
    overlap: Overlap = -1,
    precision: VectorPrecision = "i8",
    language: Language = "english",
    cache: IndexCache = None,
    threads: Threads = 0,
) -> None:
    """Measure nDCG, recall, MRR and latency of the judged queries of DATASET."""
    from handler.encoder import Encoder
    from infra.cli.index_view import build_options, shown
    from infra.evaluation.cached import open_index
    from infra.evaluation.dataset import Dataset
    from infra.evaluation.progress import run_shown, show
    from infra.evaluation.runs import Evaluation, corpus_warnings

    chosen = read_modes(modes)
    options = build_options(passages, overlap, precision, language)
    for file in filter(None, (json_file, html_file)):
        check_writable(file)
    threads = threads or os.cpu_count() or 1
    cache = cache.expanduser() if cache else cache_folder("evaluations")
    collection = Dataset.read(dataset, split)
    encoder = Encoder.open(model, threads)
    with shown() as progress:
        index = open_index(collection, encoder, options, cache, progress=progress)
    settings: dict[str, str | int] = {
        "passages": options.split.size or "off",
        "overlap": options.split.overlap,
        "precision": precision,
        "language": language,
        "split": split,
        "k": k,
    }
    evaluation = Evaluation(
        dataset=collection.name,
        queries=collection.queries,
        index=index,
        runs=run_shown(index, encoder, collection.queries, chosen, k),
        settings=settings,
        warnings=collection.warnings + corpus_warnings(index, collection.queries),
    )
    show(evaluation)
    write_reports(evaluation, json_file, html_file)


def write_reports(evaluation: "Evaluation", json_file: Path | None, html_file: Path | None) -> None:
    """Write an evaluation to the files given, as figures in JSON and as a page."""
    from infra.evaluation.report import render

    if json_file:
        figures = json.dumps(evaluation.to_dict(), indent=2, ensure_ascii=False)
        json_file.write_text(f"{figures}\n", "utf-8")
    if html_file:
        html_file.write_text(render(evaluation), "utf-8")


def read_modes(text: str) -> "list[Mode]":
    """Return the modes in a comma-separated list, each once.

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


def check_writable(path: Path) -> None:
    """Make the folder of `path`, and check that the file can be written.

    Raises:
        InvalidRequest: it can't.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise InvalidRequest(
            f"{path} can't be written: {cause.strerror}; choose another file"
        ) from cause
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidRequest(f"{path} can't be written; choose another file")
