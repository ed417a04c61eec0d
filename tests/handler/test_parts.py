"""Slices of a corpus and their encoded parts: names, contents, and what a worker does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from handler.corpus.document import Document, Section, Value
from handler.corpus.passages import Split
from handler.encoder import Encoder
from handler.errors import ModelError, StoreError
from handler.index.embedding_cache import EncodedBatch
from handler.index.writer import Options
from handler.reindex.gathering import Gathering
from handler.reindex.parts import Parts, Recipe, Workshop
from handler.reindex.slices import Slice, SliceSize, cut
from handler.versions.prune import prune
from handler.versions.repository import IndexRepository
from tests.handler.reindexing import Counting, Place, record

SIZE = SliceSize(least=8, most=32)
OPTIONS = Options(Split(16, 4))


def document(number: int, text: str = "") -> Document:
    title = f'{number}\u2028tab\tand "quotes"'
    text = text or f"{number} patents grant rights. Notices name the owners of {number} works."
    sections = (Section(0, 4, f"Part {number}", ""),) if number % 2 else ()
    metadata: dict[str, Value] = {"year": number}
    return Document(
        id=str(number), title=title, text=text, url="x", metadata=metadata, sections=sections
    )


def documents(count: int) -> list[Document]:
    return [document(number) for number in range(count)]


@pytest.fixture
def repository(tmp_path: Path) -> IndexRepository:
    return IndexRepository.open(str(tmp_path / "store"))


def work_folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_slices_hold_all_documents_in_order_and_within_bounds() -> None:
    pieces = [*cut(documents(500), SIZE)]
    assert [d.title for piece in pieces for d in piece.documents] == [
        d.title for d in documents(500)
    ]
    assert all(8 <= len(piece.documents) <= 32 for piece in pieces[:-1])
    assert len({piece.name for piece in pieces}) == len(pieces) > 20


def test_slices_end_early_where_texts_are_long() -> None:
    long = [document(number, "word " * 50) for number in range(6)]
    pieces = cut(long, SliceSize(least=8, most=32, chars=500))
    assert [len(piece.documents) for piece in pieces] == [2, 2, 2]


@pytest.mark.parametrize("place", [0, 250, 499])
def test_an_edit_changes_the_names_of_few_slices(place: int) -> None:
    before = {piece.name for piece in cut(documents(500), SIZE)}
    edited = documents(500)
    edited[place : place + 1] = [document(1000), document(1001)]
    after = {piece.name for piece in cut(edited, SIZE)}
    assert 1 <= len(after - before) <= 5


def test_a_slice_travels_without_change_and_says_when_it_was_altered() -> None:
    for piece in cut(documents(40), SIZE):
        data = piece.to_bytes()
        assert data == piece.to_bytes()
        assert Slice.from_bytes(data, piece.name) == piece
        with pytest.raises(StoreError, match="was altered; run again"):
            Slice.from_bytes(data, "0" * 32)
        with pytest.raises(StoreError, match=r"can't be read: .*; run again"):
            Slice.from_bytes(data[:-9], piece.name)


def test_gathered_batches_are_one_batch(encoder: Encoder, tmp_path: Path) -> None:
    recipe = Recipe.of(encoder, OPTIONS)
    pieces = [*cut(documents(40), SIZE)]
    gathering = Gathering(tmp_path / "gathered", "i8", encoder.dimension)
    for piece in pieces:
        gathering.add(recipe.encode(piece, encoder))
    batch = gathering.batch()
    row = 0
    for piece in pieces:
        alone = recipe.encode(piece, encoder)
        for place, key in enumerate(piece.hashes):
            assert batch.hashes[row] == key.rstrip(b"\0")
            for one, other in zip(batch.document(row), alone.document(place), strict=True):
                np.testing.assert_array_equal(one, other)
            row += 1
    assert row == len(batch.hashes) == 40


def test_a_worker_makes_the_part_that_a_local_run_makes(
    repository: IndexRepository, encoder: Encoder, tmp_path: Path
) -> None:
    pieces = [*cut(documents(60), SIZE)]
    there = Parts(repository, encoder, OPTIONS, work_folder(tmp_path / "there"))
    there.hand_out(there.left(iter(pieces)))
    shop = Workshop(repository.work.folder(there.recipe.key))
    for piece in pieces:
        assert shop.encode(piece.name, encoder, tmp_path) == len(piece.documents)
        made = shop.parts.get(piece.name)[0]
        there.recipe.encode(piece, encoder).write(tmp_path / "local")
        assert made == (tmp_path / "local").read_bytes()
        assert shop.encode(piece.name, encoder, tmp_path) == 0  # twice does no harm
    assert not shop.slices.list()
    [batch] = there.gathered()
    assert len(batch.hashes) == 60
    there.clear()
    assert not repository.work.list()
    with pytest.raises(StoreError, match="has no recipe"):
        shop.encode(pieces[0].name, encoder, tmp_path)


def test_a_worker_refuses_another_model_and_a_store_without_recipe(
    repository: IndexRepository, encoder: Encoder, tmp_path: Path
) -> None:
    shop = Workshop(repository.work.folder("key"))
    with pytest.raises(StoreError, match=r"has no recipe .* workers need a store that they all"):
        shop.encode("0" * 32, encoder, tmp_path)
    shop.open(Recipe(fingerprint="other", split={}, precision="i8"))
    with pytest.raises(ModelError, match="the run needs other; deploy the worker with the model"):
        shop.encode("0" * 32, encoder, tmp_path)


def test_parts_of_other_names_are_left_alone(
    repository: IndexRepository, encoder: Encoder, tmp_path: Path
) -> None:
    parts = Parts(repository, encoder, OPTIONS, work_folder(tmp_path / "work"))
    parts.workshop.parts.put("notes.txt", b"hello")
    parts.fetch(pytest.fail)
    assert not [*(tmp_path / "work").iterdir()]


def test_only_changed_slices_are_encoded_after_an_edit_of_an_unfinished_corpus(
    encoder: Encoder, tmp_path: Path
) -> None:
    place = Place(tmp_path, Counting(encoder))
    place.write("a.jsonl", [record(f"a{n}") for n in range(200)])

    def stop(stage: str, done: int, _total: int | None = None) -> None:
        if stage == "text":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.run(progress=stop, slices=SIZE)
    place.write("a.jsonl", [record(f"a{n}") for n in range(200) if n != 100])
    outcome = place.run(slices=SIZE)
    assert outcome.encoded <= 3 * SIZE.most
    assert place.current().manifest.documents == 199


def test_prune_removes_what_an_interrupted_run_left_a_week_ago(
    encoder: Encoder, tmp_path: Path
) -> None:
    place = Place(tmp_path, Counting(encoder))
    place.write("a.jsonl", [record(f"a{n}") for n in range(3)])
    place.run()
    work = place.repository.work
    work.put("key/parts/left", b"x")
    now = datetime.now(UTC)
    prune(place.repository, 5, now=now + timedelta(days=6))
    assert work.list()
    prune(place.repository, 5, now=now + timedelta(days=8))
    assert not work.list()


def test_a_part_is_written_and_read(encoder: Encoder, tmp_path: Path) -> None:
    [piece] = cut(documents(5), SIZE)
    batch = Recipe.of(encoder, OPTIONS).encode(piece, encoder)
    batch.write(tmp_path / "part")
    again = EncodedBatch.read(tmp_path / "part", "i8")
    np.testing.assert_array_equal(again.codes, batch.codes)
