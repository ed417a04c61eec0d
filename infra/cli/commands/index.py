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
        float, typer.Option(help="Largest share of rejected records, in percent.", min=0, max=100)
    ] = 1,
    rejects: Annotated[Path, typer.Option(help="File that lists the rejected records.")] = Path(
        "rejects.jsonl"
    ),
    passages: Annotated[str, typer.Option(help="Tokens in a passage, or off.")] = "96",
    overlap: Annotated[
        int, typer.Option(help="Tokens shared with the passage before; default: a quarter.")
    ] = -1,
    precision: Annotated[
        str, typer.Option(help="Precision of vectors: i8 (half the size) or f16.")
    ] = "i8",
    language: Annotated[str, typer.Option(help="Language for stemming, or none.")] = "english",
    threads: Annotated[
        int, typer.Option(help="Texts encoded at a time; 0 for the number of cores.", min=0)
    ] = 0,
) -> None:
    """Index CORPUS from scratch, and publish it as a new version of an index."""
    from handler.corpus.records import FieldNames
    from handler.corpus.sources import LocalCorpus
    from handler.encoder import Encoder
    from handler.quality.gates import Limits
    from handler.reindex.job import ReindexJob
    from handler.reindex.pipeline import index as run
    from handler.versions.repository import IndexRepository
    from infra.cli.index_view import build_options, report, shown
    from infra.cli.reindex_view import tell

    options = build_options(passages, overlap, precision, language)
    threads = threads or os.cpu_count() or 1
    repository = IndexRepository.open(to, name)
    with shown() as progress:
        job = ReindexJob(
            corpus=LocalCorpus(corpus),
            repository=repository,
            encoder=Encoder.open(model, threads),
            fields=FieldNames(id=id_field, title=title_field, text=text_field, url=url_field),
            options=lambda _: options,
            limits=Limits(max_rejects=max_rejects / 100),
            rejects=rejects,
            threads=threads,
            progress=progress,
            tell=tell,
        )
        outcome = run(job)
    if outcome.manifest:
        report(outcome.manifest, repository.store.url, rejects)
