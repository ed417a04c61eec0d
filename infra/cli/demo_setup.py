"""The demo: default model and sample corpus, made once."""

import os
from pathlib import Path

from rich.console import Console

from export import DEFAULT_MODEL
from handler.bundle import ModelManifest
from handler.corpus.listing import same_objects
from handler.corpus.sources import LocalCorpus
from handler.encoder import Encoder
from handler.errors import QuerytowerError
from handler.index.writer import Options
from handler.reindex.baseline import Baseline
from handler.reindex.job import ReindexJob
from handler.reindex.pipeline import index
from handler.versions.repository import IndexRepository
from infra.cli.commands.export import export
from infra.cli.index_view import report, shown

CORPUS = Path(__file__).parents[1] / "demo" / "corpus.jsonl"
WISHES = (
    "cosy low-stakes fantasy for a tired brain",
    "atmospheric, female lead, rich worldbuilding, a bit funny",
    "slow-burn mystery in a cold coastal town",
    "quiet book about grief that isn't depressing",
    "hardboiled noir, rain, everybody lies",
    "nature writing that makes me want to go outside",
)
PAGE = {
    "QUERYTOWER_PAGE_TITLE": "Books by feel",
    "QUERYTOWER_PAGE_DESCRIPTION": (
        "Describe the book you are in the mood for. No keywords needed."
    ),
    "QUERYTOWER_PAGE_PLACEHOLDER": "something short and strange, set in a big house",
    "QUERYTOWER_PAGE_SUGGESTIONS": "|".join(WISHES),
}


def prepare(folder: Path) -> None:
    """Make the bundle `folder`/model and the index in `folder`/store, unless they are current.

    Raises:
        QuerytowerError: the weights can't be fetched, or the folder can't be written.
    """
    console = Console(stderr=True, highlight=False)
    model, repository = folder / "model", IndexRepository.open(str(folder / "store"))
    if not _usable(model):
        console.print(f"converting {DEFAULT_MODEL} to int8 ONNX, without PyTorch")
        export(to=model)
    threads = os.cpu_count() or 1
    encoder = Encoder.open(model, threads)
    if _current(repository, encoder):
        return
    console.print("indexing the sample corpus of books")
    rejects = folder / "rejects.jsonl"
    with shown() as progress:
        job = ReindexJob(
            corpus=LocalCorpus(CORPUS),
            repository=repository,
            encoder=encoder,
            rejects=rejects,
            progress=progress,
        )
        outcome = index(job)
    if outcome.manifest:
        report(outcome.manifest, str(folder / "store"), rejects)


def _usable(model: Path) -> bool:
    try:
        ModelManifest.read(model)
    except QuerytowerError:
        return False
    return True


def _current(repository: IndexRepository, encoder: Encoder) -> bool:
    """Tell whether the index was made with this model from the sample corpus as it is now."""
    corpus = LocalCorpus(CORPUS)
    try:
        baseline = Baseline.read(repository)
    except QuerytowerError:
        return False
    if baseline.listing is None or baseline.obstacles(encoder, Options()):
        return False
    return same_objects(baseline.listing.entries, corpus.objects({}, CORPUS.parent))
