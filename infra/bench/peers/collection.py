"""The indexes that the functions search: querytower's own, and vectors for the other libraries."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from handler.corpus.document import Document
from handler.corpus.sources import LocalCorpus
from handler.encoder import Encoder
from handler.reindex.job import ReindexJob
from handler.reindex.pipeline import index
from handler.versions.repository import IndexRepository
from infra.bench.peers.functions import run_in, task_root
from infra.cli.index_view import shown
from infra.evaluation.dataset import collection_file, read_documents


def querytower_store(dataset: Path, model: Path, work: Path) -> Path:
    """Return a store with an index of the collection, made with default options once a model."""
    encoder = Encoder.open(model, os.cpu_count() or 1)
    folder = _place("store", dataset, encoder, work)
    if not folder.exists():
        with _unfinished(folder) as part, shown() as progress:
            job = ReindexJob(
                corpus=LocalCorpus(collection_file(dataset, "corpus.jsonl")),
                repository=IndexRepository.open(str(part)),
                encoder=encoder,
                rejects=part / "rejects.jsonl",
                progress=progress,
            )
            index(job)
    return folder


def peers_index(dataset: Path, model: Path, work: Path) -> Path:
    """Return a folder with ids.json, vectors.npy and txtai's index, made once for each model.

    Each document has one vector. querytower's encoder makes them, because it is the fastest; the
    time of a search does not depend on who made the vectors.
    """
    encoder = Encoder.open(model, os.cpu_count() or 1)
    folder = _place("vectors", dataset, encoder, work)
    if not folder.exists():
        documents = [
            item
            for item in read_documents(collection_file(dataset, "corpus.jsonl"))
            if isinstance(item, Document)
        ]
        with _unfinished(folder) as part:
            np.save(
                part / "vectors.npy",
                encoder.encode([f"{d.title} {d.text}" for d in documents], "document"),
            )
            (part / "ids.json").write_text(json.dumps([d.id for d in documents]), "utf-8")
            root = task_root("txtai", work)
            run_in(root, work, Path(__file__).with_name("txtai_index.py"), part, root / "model")
    return folder


def _place(kind: str, dataset: Path, encoder: Encoder, work: Path) -> Path:
    return work / f"{kind}-{dataset.resolve().name}-{encoder.manifest.fingerprint[:12]}"


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `folder` if the block succeeds."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    yield part
    part.rename(folder)
