"""querytower index: a corpus to a published index."""

import os
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.commands.options import IndexName, ModelFolder, StoreUrl


def index(
    corpus: Annotated[
        Path,
        typer.Argument(help="File (.jsonl, .csv, .parquet, .gz) or folder of .md and .txt files."),
    ],
    to: StoreUrl,
    name: IndexName = "default",
    model: ModelFolder = Path("model"),
    id_field: Annotated[str, typer.Option(help="Field that holds the id.")] = "id",
    title_field: Annotated[str, typer.Option(help="Field that holds the title.")] = "title",
    text_field: Annotated[str, typer.Option(help="Field that holds the text.")] = "text",
    url_field: Annotated[str, typer.Option(help="Field that holds the link.")] = "url",
    max_rejects: Annotated[
        float, typer.Option(help="Faulty records that are tolerated, in percent.", min=0, max=100)
    ] = 1,
    rejects: Annotated[Path, typer.Option(help="File that lists the faulty records.")] = Path(
        "rejects.jsonl"
    ),
    passages: Annotated[str, typer.Option(help="Tokens in a passage, or off.")] = "96",
    overlap: Annotated[
        int, typer.Option(help="Tokens shared with the passage before; else a quarter.")
    ] = -1,
    precision: Annotated[str, typer.Option(help="Vectors in i8 (half the size) or f16.")] = "i8",
    language: Annotated[
        str, typer.Option(help="Language whose word forms are merged, or none.")
    ] = "english",
    threads: Annotated[
        int, typer.Option(help="Texts encoded at once; 0 for all cores.", min=0)
    ] = 0,
) -> None:
    """Encode CORPUS and publish it as a new version of an index."""
    from handler.corpus.records import FieldNames
    from handler.corpus.sources import LocalCorpus
    from handler.encoder import Encoder
    from handler.quality.gates import Limits
    from handler.reindex.job import Job
    from handler.reindex.pipeline import index as run
    from handler.storage.store import Store
    from handler.versions.repository import IndexRepository
    from infra.cli.index_view import build_options, report, shown

    options = build_options(passages, overlap, precision, language)
    threads = threads or os.cpu_count() or 1
    repository = IndexRepository(Store.open(to), name)
    encoder = Encoder.open(model, threads)
    with shown() as progress:
        job = Job(
            corpus=LocalCorpus(corpus),
            repository=repository,
            encoder=encoder,
            fields=FieldNames(id=id_field, title=title_field, text=text_field, url=url_field),
            options=lambda _: options,
            limits=Limits(max_rejects=max_rejects / 100),
            threads=threads,
            progress=progress,
        )
        outcome = run(job, rejects)
    report(outcome, repository.store.url, rejects)
