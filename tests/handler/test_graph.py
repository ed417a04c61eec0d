"""A graph carried over from version to version, against one built at once and the scan."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from usearch.index import Index

from handler.encoder import Encoder, Vectors
from handler.errors import IndexUnavailable
from handler.index.arrays import Rows
from handler.index.hnsw import build_graph, fits, read_keys, update_graph
from handler.index.manifest import IndexFiles
from handler.index.vectors import Precision, VectorIndex, VectorWriter, read_codes
from handler.index.writer import Base, build_version
from tests.handler.indexes import WHOLE, build, clustered, document

DIMENSION = 64
COUNT = 3000


class Versions:
    """Versions of some vectors, each in its folder; row i of a version is vector rows[i]."""

    def __init__(self, folder: Path, precision: Precision) -> None:
        self.folder = folder
        self.precision = precision
        self.vectors = clustered(3 * COUNT, DIMENSION, seed=1)
        self.count = 0

    def write(self, rows: Rows, before: tuple[Path, Rows] | None = None) -> Path:
        """Write a version; its graph is carried over from `before`, a folder and its rows."""
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        writer = VectorWriter(folder, self.precision)
        writer.add(self.vectors[rows])
        writer.close()
        codes = read_codes(folder, self.precision, DIMENSION)
        if before is None:
            done = list(build_graph(folder, codes, 2))
        else:
            _, old, new = np.intersect1d(before[1], rows, return_indices=True)
            done = [len(old), *update_graph(before[0], (old, new), folder, codes, 2)]
        assert done[-1] == len(rows)
        return folder

    def recall(self, folder: Path, queries: Vectors) -> float:
        index = VectorIndex.open(folder, self.precision, DIMENSION)
        assert index.has_graph
        exact = index.exact()
        found = [
            np.isin(exact.search(query, 10)[0], index.search(query, 10)[0]).mean()
            for query in queries
        ]
        return float(np.mean(found))


@pytest.fixture(params=["i8", "f16"])
def versions(request: pytest.FixtureRequest, tmp_path: Path) -> Versions:
    return Versions(tmp_path, request.param)


@pytest.fixture(scope="module")
def queries() -> Vectors:
    return clustered(50, DIMENSION, seed=2)


def edits(seed: int) -> Iterator[Rows]:
    """Yield the rows of one version after the other: some went, some came, all in a new order."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(COUNT)
    while True:
        yield rows
        absent = np.setdiff1d(np.arange(3 * COUNT), rows)
        stay = rng.choice(rows, len(rows) - rng.integers(1, 200), replace=False)
        rows = rng.permutation(
            np.append(stay, rng.choice(absent, rng.integers(1, 200), replace=False))
        )


def test_after_many_edits_it_finds_what_a_new_graph_finds(
    versions: Versions, queries: Vectors
) -> None:
    source = edits(1)
    rows = next(source)
    folder = versions.write(rows)
    assert not (folder / IndexFiles.KEYS).exists()
    for _ in range(8):
        before, rows = (folder, rows), next(source)
        folder = versions.write(rows, before)
    keys = read_keys(folder, len(rows))
    assert len(np.unique(keys)) == len(rows)
    assert versions.recall(folder, queries) >= versions.recall(versions.write(rows), queries) - 0.03
    index = VectorIndex.open(folder, versions.precision, DIMENSION)
    for row in range(0, len(rows), 97):
        assert index.search(versions.vectors[rows[row]], 1)[0].tolist() == [row]


@pytest.mark.parametrize("versions", ["i8"], indirect=True)
def test_what_was_removed_is_not_found(versions: Versions, queries: Vectors) -> None:
    everything, half = np.arange(1000), np.arange(0, 1000, 2)
    folder = versions.write(half, (versions.write(everything), everything))
    index = VectorIndex.open(folder, "i8", DIMENSION)
    for query in queries:
        rows, _ = index.search(query, 50)
        assert len(set(rows.tolist())) == 50
        assert rows.max() < len(half)
    assert versions.recall(folder, queries) >= 0.95
    back = versions.write(everything, (folder, half))
    assert versions.recall(back, queries) >= 0.95


@pytest.mark.parametrize("versions", ["i8"], indirect=True)
def test_only_additions_leave_the_keys_dense(versions: Versions, queries: Vectors) -> None:
    some, more = np.arange(900), np.arange(1000)
    folder = versions.write(more, (versions.write(some), some))
    assert sorted(read_keys(folder, 1000).tolist()) == list(range(1000))
    assert fits(folder, 1000, 5000)
    assert versions.recall(folder, queries) >= 0.95


@pytest.mark.parametrize("versions", ["i8"], indirect=True)
def test_a_graph_with_much_that_is_gone_is_built_anew(versions: Versions) -> None:
    everything = np.arange(1000)
    folder = versions.write(everything)
    assert fits(folder, 1000, 1000)
    assert fits(folder, 800, 1000)
    assert not fits(folder, 799, 1000)
    assert not fits(folder, 800, 800)
    later = versions.write(everything + 100, (folder, everything))
    assert fits(later, 900, 1000)
    assert not fits(later, 890, 1000)
    assert not fits(versions.folder, 1000, 1000), "there is no graph"


@pytest.mark.parametrize("versions", ["i8"], indirect=True)
@pytest.mark.parametrize("size", [0, 4, 3996])
def test_keys_of_another_version_are_noticed(versions: Versions, size: int) -> None:
    everything = np.arange(1000)
    folder = versions.write(everything, (versions.write(everything + 1), everything + 1))
    path = folder / IndexFiles.KEYS
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(
        IndexUnavailable, match=r"keys\.bin has \d+ keys instead of 1000; index the corpus again"
    ):
        VectorIndex.open(folder, "i8", DIMENSION)


@pytest.mark.parametrize("versions", ["i8"], indirect=True)
def test_where_a_whole_neighbourhood_is_gone_all_is_scanned(versions: Versions) -> None:
    everything = np.arange(COUNT)
    query = versions.vectors[0]
    near = np.argsort(-(versions.vectors[:COUNT] @ query))[:600]
    rest = np.setdiff1d(everything, near)
    folder = versions.write(rest, (versions.write(everything), everything))
    index = VectorIndex.open(folder, "i8", DIMENSION)
    for k in (1, 10, 100):
        found, exact = index.search(query, k)[0], index.exact().search(query, k)[0]
        assert len(found) == k
        assert np.isin(found, exact).mean() >= 0.9


def test_copies_of_a_text_stay_in_the_graph(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handler.index.writer.EXACT_UP_TO", 0)
    documents = [
        document(n, "The same text." if n % 2 else f"Text {n} of its own.") for n in range(60)
    ]
    before = build(tmp_path / "before", documents, encoder)
    later = [
        document(n, item.text)
        for n, item in enumerate([*documents[10:], documents[0], documents[1]])
    ]
    folder = tmp_path / "later"
    folder.mkdir()
    build_version(
        later,
        folder,
        name="default",
        schema={},
        encoder=encoder,
        options=WHOLE,
        base=Base(before, tmp_path / "before"),
    )
    assert len(read_keys(folder, 52)) == 52
    assert read_keys(folder, 52).max() < 60, "copies were added anew"
    assert (Index.metadata(str(folder / IndexFiles.GRAPH)) or {})["count_present"] == 60
