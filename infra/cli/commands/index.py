"""querytower index: a corpus to a published index."""

import os
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.commands.options import (
    BaseUrl,
    DeviceName,
    Encoding,
    EngineName,
    FieldTypes,
    Ignored,
    IndexName,
    Language,
    MaxRejects,
    ModelFolder,
    Overlap,
    Passages,
    Quiet,
    RayAddress,
    Serve,
    StoreUrl,
    Table,
    Threads,
    VectorPrecision,
    Vectors,
)

CorpusPath = Annotated[
    Path,
    typer.Argument(help="File or folder; docs/corpora.md lists what can be read."),
]
DryRun = Annotated[
    bool, typer.Option(help="Show what would be indexed, and write nothing; takes seconds.")
]
TextField = Annotated[
    str, typer.Option(help="Field that holds the text, or fields, separated by commas.")
]
RejectsFile = Annotated[Path, typer.Option(help="File that lists the rejected records.")]


def index(
    corpus: CorpusPath,
    to: StoreUrl = "",
    name: IndexName = "default",
    model: ModelFolder = Path("model"),
    id_field: Annotated[str, typer.Option(help="Field that holds the id.")] = "",
    title_field: Annotated[str, typer.Option(help="Field that holds the title.")] = "",
    text_field: TextField = "",
    url_field: Annotated[str, typer.Option(help="Field that holds the link.")] = "",
    types: FieldTypes = None,
    ignore: Ignored = None,
    table: Table = "",
    encoding: Encoding = "",
    vectors: Vectors = "",
    base_url: BaseUrl = "",
    dry_run: DryRun = False,
    max_rejects: MaxRejects = 1,
    rejects: RejectsFile = Path("rejects.jsonl"),
    passages: Passages = "96",
    overlap: Overlap = -1,
    precision: VectorPrecision = "i8",
    language: Language = "english",
    threads: Threads = 0,
    engine: EngineName = "local",
    ray_address: RayAddress = "",
    device: DeviceName = "cpu",
    serve: Serve = None,
    quiet: Quiet = False,
) -> None:
    """Index CORPUS from scratch, and publish it as a new version of an index."""
    from handler.corpus.sources import LocalCorpus
    from handler.encoder import Encoder
    from handler.quality.gates import Limits
    from handler.reindex.job import ReindexJob
    from handler.reindex.pipeline import index as run
    from handler.versions.repository import IndexRepository
    from infra.cli.engines import engine_of, run_job
    from infra.cli.index_view import build_options, report
    from infra.cli.inspection import inspect_corpus, show_inspection
    from infra.cli.reading_flags import field_roles, reading_of

    names = field_roles(id_field, title_field, text_field, url_field)
    reading = reading_of(names, types, ignore, table, encoding, vectors, base_url)
    options = build_options(passages, overlap, precision, language)
    if dry_run:
        show_inspection(inspect_corpus(corpus, reading, model, options))
        return
    repository = IndexRepository.open(to or _no_store(), name)
    job = ReindexJob(
        corpus=LocalCorpus(corpus),
        repository=repository,
        encoder=Encoder.open(model, threads or os.cpu_count() or 1),
        reading=reading,
        options=lambda _: options,
        limits=Limits(max_rejects=max_rejects / 100),
        rejects=rejects,
        serving=serve,
    )
    outcome = run_job(job, run, engine_of(engine, ray_address, device, model, threads), quiet)
    if outcome.manifest:
        report(outcome.manifest, repository.store.url, rejects)


def _no_store() -> str:
    from handler.errors import InvalidRequest

    raise InvalidRequest("no store is named; give --to a folder or a URL such as s3://bucket")
