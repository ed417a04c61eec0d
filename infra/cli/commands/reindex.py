"""querytower reindex: bring an index up to date with its corpus."""

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
    MaxRejects,
    ModelFolder,
    Quiet,
    RayAddress,
    Serve,
    StoreUrl,
    Table,
    Threads,
    Vectors,
)

CorpusUrl = Annotated[
    str,
    typer.Option(
        envvar="QUERYTOWER_CORPUS",
        help="Path or URL (s3://, gs://, az://, https://) of a file or folder.",
    ),
]
Fields = Annotated[
    str,
    typer.Option(
        envvar="QUERYTOWER_CORPUS_FIELDS",
        help="Fields that hold id, title, text and link, such as isbn,name,summary+review,; empty: guessed.",
    ),
]
Force = Annotated[
    bool, typer.Option(help="Publish although documents are missing, or the corpus was refused.")
]
Full = Annotated[bool, typer.Option(help="Encode everything again.")]
DryRun = Annotated[bool, typer.Option(help="Print what would be done, and write nothing.")]
MaxDrop = Annotated[
    float, typer.Option(help="Largest loss of documents, in percent.", min=0, max=100)
]

# How the index is built; by default as the published version was.
Passages = Annotated[str, typer.Option(help="Tokens in a passage, or off; by default as before.")]
Overlap = Annotated[
    int, typer.Option(help="Tokens shared with the previous passage; by default as before.")
]
VectorPrecision = Annotated[str, typer.Option(help="Vectors in i8 or f16; by default as before.")]
Language = Annotated[
    str, typer.Option(help="Language of the word stems, or none; by default as before.")
]


def reindex(
    corpus: CorpusUrl,
    store: StoreUrl,
    name: IndexName = "default",
    model: ModelFolder = Path("model"),
    force: Force = False,
    full: Full = False,
    dry_run: DryRun = False,
    fields: Fields = "",
    types: FieldTypes = None,
    ignore: Ignored = None,
    table: Table = "",
    encoding: Encoding = "",
    vectors: Vectors = "",
    base_url: BaseUrl = "",
    passages: Passages = "",
    overlap: Overlap = -1,
    precision: VectorPrecision = "",
    language: Language = "",
    max_rejects: MaxRejects = 1,
    max_drop: MaxDrop = 20,
    threads: Threads = 0,
    engine: EngineName = "local",
    ray_address: RayAddress = "",
    device: DeviceName = "cpu",
    serve: Serve = None,
    quiet: Quiet = False,
) -> None:
    """Publish a new version of an index if its corpus changed.

    Only new and changed documents are encoded.
    """
    from handler.corpus.sources import open_corpus
    from handler.encoder import Encoder
    from handler.quality.gates import Limits
    from handler.reindex import pipeline
    from handler.reindex.job import Outcome, ReindexJob, field_names
    from handler.settings import Settings
    from handler.versions.repository import IndexRepository
    from infra.cli.engines import engine_of, run_job
    from infra.cli.index_view import changed_options
    from infra.cli.reading_flags import reading_of
    from infra.cli.reindex_view import measure, show_outcome, show_preview

    names = field_names(fields, "--fields")
    reading = reading_of(names, types, ignore, table, encoding, vectors, base_url)
    job = ReindexJob(
        corpus=open_corpus(corpus, Settings.from_mapping(os.environ)),
        repository=IndexRepository.open(store, name),
        encoder=Encoder.open(model, threads or os.cpu_count() or 1),
        reading=reading,
        options=lambda old: changed_options(old, passages, overlap, precision, language),
        limits=Limits(max_rejects=max_rejects / 100, max_drop=max_drop / 100),
        force=force,
        full=full,
        serving=serve,
        measure=measure,
    )
    run = pipeline.preview if dry_run else pipeline.reindex
    outcome = run_job(job, run, engine_of(engine, ray_address, device, model, threads), quiet)
    if isinstance(outcome, Outcome):
        show_outcome(outcome, job.repository.store.url)
    else:
        show_preview(outcome)
