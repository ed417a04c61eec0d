"""A corpus to edit, a store to index it into, and an encoder that counts what it is asked for."""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from handler.corpus.passages import Split
from handler.corpus.sources import open_corpus
from handler.encoder import Encoder, TextKind, Vectors
from handler.index.embedding_cache import version_hashes
from handler.index.index_version import IndexVersion
from handler.index.writer import Options
from handler.quality.gates import Limits
from handler.reindex.job import Outcome, ReindexJob
from handler.reindex.pipeline import reindex
from handler.reindex.slices import SliceSize
from handler.search.request import Mode, SearchRequest
from handler.search.searcher import Searcher
from handler.storage.store import Store
from handler.versions.lease import LeaseConfig
from handler.versions.repository import IndexRepository
from tests.stored_paths import PATHS

WORDS = (
    "license work copyright notice grant patent source form contribution terms object legal entity "
    "trade"
).split()
QUERIES = ("copyright notice", "patent grant", "legal entity", "work")
TOLERANT = Limits(max_rejects=1.0, max_drop=1.0, min_self_retrieval=0.0, min_recall=0.0)
# Passages as short as they can be, so that small documents have several.
SHORT = Options(Split(16, 4))
SLICE = 4
"""Documents that are encoded together, so that small corpora have several slices."""


class Counting(Encoder):
    """The same encoder, which remembers the documents' passages that it encoded."""

    def __init__(self, real: Encoder) -> None:
        self.__dict__.update(real.__dict__)
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        if kind == "document":
            self.encoded += texts
        return super().encode(texts, kind)


def record(key: object, text: str = "", **fields: Any) -> dict[str, Any]:
    """Return a document with some sentences that no other key has."""
    number = sum(str(key).encode())
    sentences = [
        " ".join(WORDS[(number * i + j) % len(WORDS)] for j in range(7)) for i in range(1, 5)
    ]
    return {
        "id": str(key),
        "title": f"The {key}",
        "text": text or f"{key} " + ". ".join(sentences) + ".",
        **fields,
    }


def lines(records: Iterable[Mapping[str, Any] | str]) -> str:
    """Return records as JSON lines; a text stands for itself."""
    return "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in records)


@dataclass
class Place:
    """A folder with a corpus and a store, and what is common to the runs between them."""

    folder: Path
    encoder: Counting
    url: str = ""
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    measured: list[dict[str, float]] = field(default_factory=list)
    scratches: "list[TemporaryDirectory[str]]" = field(default_factory=list)

    @property
    def store(self) -> Store:
        return Store.open(self.url or str(self.folder / "store"), timeout=5, retries=1)

    @property
    def repository(self) -> IndexRepository:
        return IndexRepository(self.store, "default")

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus"

    def write(self, name: str, records: Iterable[Mapping[str, Any] | str]) -> None:
        """Write, or write over, a file of the corpus."""
        path = self.corpus / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines(records), "utf-8")

    def job(self, **changes: Any) -> ReindexJob:
        """Return a job that makes one of the other."""
        common = {
            "corpus": open_corpus(str(self.corpus)),
            "repository": self.repository,
            "encoder": self.encoder,
            "options": lambda _: SHORT,
            "lease": LeaseConfig(seconds=2, skew=0),
            "slices": SliceSize(least=SLICE, most=SLICE),
            "limits": TOLERANT,
            "tell": lambda event, **fields: self.told.append((event, fields)),
            "measure": lambda _event, values, _unit, **_fields: self.measured.append(values),
        }
        return ReindexJob(**{**common, **changes})

    def run(self, **changes: Any) -> Outcome:
        """Reindex; `encoder.encoded` and `told` then have what happened in this run alone."""
        self.encoder.encoded.clear()
        self.told.clear()
        return reindex(self.job(**changes))

    def events(self) -> list[str]:
        """Return the names of what was told in the last run."""
        return [event for event, _ in self.told]

    def current(self) -> IndexVersion:
        """Open the current version."""
        return self.opened(self.version())

    def opened(self, version: str) -> IndexVersion:
        """Open a version."""
        [stored] = [each for each in self.repository.versions() if each.name == version]
        # As long as the place is used: not all of a version is read when it is opened.
        self.scratches.append(TemporaryDirectory())
        return stored.open(Path(self.scratches[-1].name))

    def file(self, name: str, version: str = "") -> str:
        """Return the path of a file of a version, the current one by default."""
        return PATHS.file(self.store, version or self.version(), name)

    def version(self) -> str:
        return self.repository.pointer()[0].version

    def versions(self) -> set[str]:
        """Return the names of all versions of which anything is in the store."""
        root = PATHS.versions
        return {
            each.path.removeprefix(f"{root}/").partition("/")[0] for each in self.store.list(root)
        }

    def paths(self) -> list[str]:
        return [each.path.removeprefix("indexes/default/") for each in self.store.list()]

    def snapshot(self) -> dict[str, str]:
        """Return path and ETag of all but the lease."""
        return {
            each.path: each.etag
            for each in self.store.list()
            if not each.path.endswith("/lease.json")
        }

    def golden(
        self, queries: Mapping[str, str], judgments: Mapping[str, Mapping[str, int]] | None = None
    ) -> None:
        """Put golden queries into the store."""
        rows = [
            f"{q}\t{d}\t{grade}"
            for q, grades in (judgments or {}).items()
            for d, grade in grades.items()
        ]
        root = PATHS.golden
        self.store.put(
            f"{root}/queries.jsonl",
            lines({"_id": k, "text": t} for k, t in queries.items()).encode(),
        )
        if rows:
            self.store.put(
                f"{root}/qrels/test.tsv", "\n".join(["query-id\tcorpus-id\tscore", *rows]).encode()
            )


def answers(index: IndexVersion, encoder: Encoder, mode: Mode = "semantic") -> list[Any]:
    """Return ids, scores and passages that some queries find; those of one score by id."""
    found = []
    for query in QUERIES:
        answer = Searcher(encoder, 0).search(index, SearchRequest(query=query, k=60, mode=mode))
        hits = [(round(hit.score or 0, 4), hit.document, hit.passage) for hit in answer.hits]
        found.append(sorted(hits, key=lambda hit: (-hit[0], hit[1].id)))
    return found


def other_answers(index: IndexVersion, encoder: Encoder) -> list[Any]:
    """Return what sorts, filters, facets, completions and a search for similar documents find."""
    searcher = Searcher(encoder, 0)
    fields = [name for name, field in index.manifest.schema.items() if field.kind != "text"]
    found: list[Any] = [sorted(index.suggestions.complete(typed, 50)) for typed in ("co", "w")]
    for name in fields:
        plain = not index.manifest.schema[name].list
        request = SearchRequest(
            query="work",
            k=60,
            facets=[name],
            sort=name if plain else "",
            filter={name: {"$exists": True}},
        )
        answer = searcher.search(index, request)
        counts = sorted((str(each.value), each.documents) for each in answer.facets[name])
        values = [hit.document.metadata.get(name) for hit in answer.hits] if plain else []
        found += [counts, values, sorted(hit.document.id for hit in answer.hits)]
    first = index.document(int(index.order[0]))
    similar = searcher.similar(index, [first.id], 5).hits
    return [*found, [round(hit.score or 0, 4) for hit in similar]]


def facts(store: Store) -> list[Any]:
    """Return what the manifest of the current version must say however it came about."""
    repository = IndexRepository(store, "default")
    pointer, _ = repository.pointer()
    manifest = repository.published_manifest(pointer)[0]
    return [
        manifest.documents,
        manifest.passages,
        manifest.rejected,
        manifest.schema,
        [*manifest.schema],
    ]


def fresh(place: Place, tmp_path: Path) -> Place:
    """Rebuild the same corpus from scratch in a store of its own."""
    other = Place(place.folder, place.encoder, str(tmp_path / "fresh"))
    shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
    other.run()
    return other


def expect_the_same(place: Place, tmp_path: Path) -> None:
    """Expect the facts and answers of a full rebuild of the same corpus.

    BM25 counts words of documents that are gone until their segment is merged, so scores by words
    are compared by what they find.
    """
    other = fresh(place, tmp_path)
    assert facts(place.store) == facts(other.store)
    mine, theirs = place.current(), other.current()
    for hashed in ("text", "content"):
        assert np.array_equal(version_hashes(mine, hashed), version_hashes(theirs, hashed))
    assert answers(mine, place.encoder) == answers(theirs, place.encoder)
    assert other_answers(mine, place.encoder) == other_answers(theirs, place.encoder)
    words = [found(index, place.encoder) for index in (mine, theirs)]
    assert words[0] == words[1]
    if not gone(mine):
        assert answers(mine, place.encoder, "hybrid") == answers(theirs, place.encoder, "hybrid")


def found(index: IndexVersion, encoder: Encoder) -> list[list[str]]:
    """Return the ids that the words of some queries find, sorted."""
    return [
        sorted(document.id for _, document, _ in hits)
        for hits in answers(index, encoder, "keyword")
    ]


def gone(index: IndexVersion) -> int:
    """Return how many rows belong to documents that are gone."""
    return len(index.documents) - len(index.order)
