"""The demo: default model and sample corpus, made once."""

import os
from pathlib import Path

from rich.console import Console

from export import DEFAULT_MODEL
from handler.bundle import ModelManifest
from handler.corpus.sources import LocalCorpus
from handler.encoder import Encoder
from handler.errors import QuerytowerError
from handler.index.manifest import IndexManifest
from handler.reindex.job import Job
from handler.reindex.pipeline import index
from handler.storage.store import Store
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
    "QUERYTOWER_PAGE_DESCRIPTION": "Describe the book you are in the mood for. No keywords needed.",
    "QUERYTOWER_PAGE_PLACEHOLDER": "something short and strange, set in a big house",
    "QUERYTOWER_PAGE_SUGGESTIONS": "|".join(WISHES),
}


def prepare(folder: Path) -> None:
    """Make the bundle `folder`/model and the index in `folder`/store, unless they are there and fit together.

    Raises:
        QuerytowerError: the weights can't be had, or the folder can't be written.
    """
    console = Console(stderr=True, highlight=False)
    model = folder / "model"
    repository = IndexRepository(Store.open(str(folder / "store")), "default")
    if not _usable(model):
        console.print(f"converting {DEFAULT_MODEL} to int8 ONNX, without PyTorch")
        export(to=model)
    threads = os.cpu_count() or 1
    encoder = Encoder.open(model, threads)
    if not _is_current(repository, encoder):
        console.print("indexing the sample corpus of books")
        rejects = folder / "rejects.jsonl"
        with shown() as progress:
            job = Job(
                corpus=LocalCorpus(CORPUS),
                repository=repository,
                encoder=encoder,
                threads=threads,
                progress=progress,
            )
            outcome = index(job, rejects)
        report(outcome, str(folder / "store"), rejects)


def _usable(model: Path) -> bool:
    try:
        ModelManifest.read(model)
    except QuerytowerError:
        return False
    return True


def _is_current(repository: IndexRepository, encoder: Encoder) -> bool:
    """Tell whether the store has an index of this very corpus, made with this model."""
    try:
        pointer, _ = repository.pointer()
        text = repository.published_manifest(pointer)
        manifest = IndexManifest.parse(text, repository.store.url)
    except QuerytowerError:
        return False
    published = Path(str(repository.store.local), repository.layout.pointer)
    newer = published.stat().st_mtime >= CORPUS.stat().st_mtime
    return manifest.fingerprint == encoder.manifest.fingerprint and newer
