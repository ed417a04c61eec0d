"""Encode a corpus as `querytower index` does, and stop before the index is built: the parts stay.

python -m infra.bench.beyond.encode CORPUS STORE MODEL [--engine ray --ray-address ADDRESS]
"""

import argparse
from pathlib import Path

from handler.corpus.sources import LocalCorpus
from handler.encoder import Encoder
from handler.progress import Stage
from handler.reindex.job import ReindexJob
from handler.reindex.pipeline import index
from handler.reindex.slices import SliceSize
from handler.versions.repository import IndexRepository
from infra.engines.ray_engine import RayEngine


class Encoded(Exception):
    """All parts are in the store."""


def stop_after_encoding(stage: Stage, _done: int, _total: int | None = None, /) -> None:
    """End a run before it builds the index."""
    if stage == "text":
        raise Encoded


def main() -> None:
    """Encode, in this process or on an engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("store")
    parser.add_argument("model", type=Path)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--ray-address", default="")
    parser.add_argument("--least", type=int, default=SliceSize().least)
    options = parser.parse_args()
    job = ReindexJob(
        corpus=LocalCorpus(options.corpus),
        repository=IndexRepository.open(options.store),
        encoder=Encoder.open(options.model, 2),
        engine=RayEngine(model=options.model, address=options.ray_address)
        if options.engine == "ray"
        else None,
        slices=SliceSize(least=options.least, most=4 * options.least),
        progress=stop_after_encoding,
    )
    try:
        index(job)
    except Encoded:
        return


if __name__ == "__main__":
    main()
