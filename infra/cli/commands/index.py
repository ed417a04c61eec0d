"""querytower index: a corpus to a published index."""

import os
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.commands.options import (
    IndexName,
    Language,
    MaxRejects,
    ModelFolder,
    Overlap,
    Passages,
    Quiet,
    StoreUrl,
    Threads,
    VectorPrecision,
)

CorpusPath = Annotated[
    Path,
    typer.Argument(help="File or folder; docs/corpora.md lists what can be read."),
]
RejectsFile = Annotated[Path, typer.Option(help="File that lists the rejected records.")]


def index(
    corpus: CorpusPath,
    to: StoreUrl,
    name: IndexName = "default",
    model: ModelFolder = Path("model"),
    id_field: Annotated[str, typer.Option(help="Field that holds the id.")] = "",
    title_field: Annotated[str, typer.Option(help="Field that holds the title.")] = "",
    text_field: Annotated[
        str, typer.Option(help="Field that holds the text, or fields, separated by commas.")
    ] = "",
    url_field: Annotated[str, typer.Option(help="Field that holds the link.")] = "",
    max_rejects: MaxRejects = 1,
    rejects: RejectsFile = Path("rejects.jsonl"),
    passages: Passages = "96",
    overlap: Overlap = -1,
    precision: VectorPrecision = "i8",
    language: Language = "english",
    threads: Threads = 0,
    quiet: Quiet = False,
) -> None:
    """Index CORPUS from scratch, and publish it as a new version of an index."""
    from handler.corpus.bounds import Bounds
    from handler.corpus.options import FieldNames, ReadOptions
    from handler.corpus.sources import LocalCorpus
    from handler.encoder import Encoder
    from handler.quality.gates import Limits
    from handler.reindex.job import ReindexJob
    from handler.reindex.pipeline import index as run
    from handler.settings import Settings
    from handler.versions.repository import IndexRepository
    from infra.cli.index_view import build_options, report, shown
    from infra.cli.reindex_view import tell

    names = FieldNames(id=id_field, title=title_field, text=text_field, url=url_field)
    options = build_options(passages, overlap, precision, language)
    threads = threads or os.cpu_count() or 1
    bounds = Bounds.of(Settings.from_mapping(os.environ))
    repository = IndexRepository.open(to, name)
    with shown(quiet=quiet) as progress:
        job = ReindexJob(
            corpus=LocalCorpus(corpus),
            repository=repository,
            encoder=Encoder.open(model, threads),
            reading=ReadOptions(fields=names, bounds=bounds),
            options=lambda _: options,
            limits=Limits(max_rejects=max_rejects / 100),
            rejects=rejects,
            progress=progress,
            tell=tell,
        )
        outcome = run(job)
    if outcome.manifest:
        report(outcome.manifest, repository.store.url, rejects)
