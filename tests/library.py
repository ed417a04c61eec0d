"""A small library of books in a store, which the application serves in tests."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handler.corpus.sources import LocalCorpus
from handler.encoder import Encoder
from handler.index.manifest import IndexManifest
from handler.reindex.job import ReindexJob
from handler.reindex.pipeline import index
from handler.settings import Settings
from handler.versions.repository import IndexRepository

LONG = "The light on the rock turns and turns, and nobody on the shore knows who keeps it. " * 30

# Fields are named like parameters of a search on purpose: q, k.
BOOKS: list[dict[str, Any]] = [
    {
        "id": "the-left-hand-of-darkness",
        "title": "The Left Hand of Darkness",
        "text": "An envoy alone on a planet of winter learns that its people are neither men nor women.",
        "url": "https://books.example/left-hand",
        "year": 1969,
        "genres": ["science fiction", "classic"],
        "rating": 4.1,
        "in_print": True,
        "published": "1969-03-01",
    },
    {
        "id": "the-lighthouse",
        "title": "The Lighthouse",
        "text": LONG.strip(),
        "year": 1990,
        "genres": ["mystery", "coast"],
        "rating": 3,
        "in_print": False,
        "published": "1990-07-14",
        "q": "dark & stormy",
        "k": 7,
    },
    {
        "id": "tides/1",
        "title": "Tides",
        "text": "A slow mystery in a small town on the coast, in which a boat comes home without its crew.",
        "year": 1991,
        "genres": ["mystery"],
        "rating": 4.5,
        "in_print": True,
        "published": "1991-12-31",
        "q": "calm",
        "k": 12,
    },
    {
        "id": "ünï çode?#%2F+&=",
        "title": "Straße <& Söhne>",
        "text": "A family saga about a street <in Köln> & its shops 📚, over a hundred years.",
        "year": 2015,
        "genres": ["saga", "family", "50% off"],
        "in_print": True,
    },
    {
        "id": "/rooted",
        "title": "Rooted",
        "text": "An old botanist teaches a city to grow trees on its roofs; warm, funny and practical.",
        "year": 2020,
        "genres": ["nature", "family"],
        "rating": -1.5,
        "published": "2020-02-29",
    },
    {"id": "bare", "title": "", "text": "A note without a title: mystery."},
]
FILMS: list[dict[str, Any]] = [
    {
        "id": "tides/1",
        "title": "Tides, the film",
        "text": "The coast, the boat and the fog, now in colour.",
        "minutes": 95,
    }
]


@dataclass(frozen=True, slots=True)
class Library:
    """A folder store with the indexes default (BOOKS) and films, and the model that made them."""

    store: Path
    model: Path
    versions: Mapping[str, str]

    def settings(self, **changes: Any) -> Settings:
        """Return settings that lead to the library."""
        return Settings(**{"store": str(self.store), "model": str(self.model)} | changes)

    def environment(self, **changes: str) -> dict[str, str]:
        """Return variables that lead to the library."""
        return {"QUERYTOWER_STORE": str(self.store), "QUERYTOWER_MODEL": str(self.model)} | changes


def write_corpus(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    """Write records as JSONL and return the path."""
    path.write_text(
        "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8"
    )
    return path


def add_index(
    store: Path | str,
    model: Path,
    records: Iterable[Mapping[str, Any]],
    scratch: Path,
    name: str = "default",
) -> IndexManifest:
    """Publish `records` as a new version of an index."""
    corpus = write_corpus(scratch / f"{name}.jsonl", records)
    repository = IndexRepository.open(str(store), name)
    return index_corpus(corpus, scratch / "rejects.jsonl", repository, Encoder.open(model))


def index_corpus(
    corpus: Path, rejects: Path, repository: IndexRepository, encoder: Encoder, **options: Any
) -> IndexManifest:
    """Index a file or folder from scratch; `options` are further fields of the job."""
    job = ReindexJob(
        corpus=LocalCorpus(corpus),
        repository=repository,
        encoder=encoder,
        rejects=rejects,
        **options,
    )
    manifest = index(job).manifest
    assert manifest
    return manifest


@pytest.fixture(scope="session")
def library(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Index books and films once."""
    scratch = tmp_path_factory.mktemp("library")
    indexes = {"default": BOOKS, "films": FILMS}
    made = {
        name: add_index(scratch / "store", tiny_model_dir, items, scratch, name)
        for name, items in indexes.items()
    }
    return Library(
        scratch / "store",
        tiny_model_dir,
        {name: manifest.version for name, manifest in made.items()},
    )
