"""Indexes for evaluations, kept from one to the next."""

import hashlib
import json
import shutil
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from handler.corpus.spool import Spool
from handler.encoder import Encoder
from handler.errors import IndexUnavailable, StoreError
from handler.index.index_version import IndexVersion
from handler.index.manifest import INDEX_FORMAT
from handler.index.writer import Options, build_version
from handler.progress import Progress, no_progress
from infra.evaluation.dataset import Dataset, read_documents

INDEX = "index"
REJECTS = "rejects.jsonl"


def index_folder(dataset: Dataset, encoder: Encoder, options: Options, cache: Path) -> Path:
    """Return the folder in `cache` for an index of these documents, model, options and format."""
    with dataset.corpus.open("rb") as file:
        corpus = hashlib.file_digest(file, "sha256").hexdigest()
    what = [corpus, encoder.manifest.fingerprint, asdict(options), INDEX_FORMAT]
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    return cache / f"{dataset.name}-{key}"


def open_index(
    dataset: Dataset,
    encoder: Encoder,
    options: Options,
    cache: Path,
    *,
    progress: Progress = no_progress,
) -> IndexVersion:
    """Open the index in `cache`, and build it first if it is missing or damaged.

    `progress` is told of the stages read and encode.

    Raises:
        CorpusError: the documents can't be read, or there are none.
        StoreError: the cache can't be written.
    """
    folder = index_folder(dataset, encoder, options, cache)
    with suppress(IndexUnavailable):
        index = IndexVersion.open(folder / INDEX)
        progress("read", index.manifest.documents, index.manifest.documents)
        return index
    try:
        shutil.rmtree(folder, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=cache) as scratch:
            part = Path(scratch) / "part"
            _build(dataset, encoder, options, part, progress)
            if not folder.exists():  # another process may have been faster
                part.rename(folder)
    except OSError as cause:
        raise StoreError(
            f"the index can't be kept in {cache}: {cause.strerror}; "
            "choose another folder with --cache"
        ) from cause
    return IndexVersion.open(folder / INDEX)


def _build(
    dataset: Dataset,
    encoder: Encoder,
    options: Options,
    folder: Path,
    progress: Progress,
) -> None:
    (folder / INDEX).mkdir(parents=True)
    spooled = folder / "spool.jsonl"
    spool = Spool.write(read_documents(dataset.corpus), spooled, folder / REJECTS, max_rejects=1.0)
    progress("read", spool.documents, spool.documents)
    build_version(
        spool,
        folder / INDEX,
        name="eval",
        schema=spool.schema,
        encoder=encoder,
        options=options,
        rejected=spool.rejected,
        total=spool.documents,
        progress=progress,
    )
    spooled.unlink()
