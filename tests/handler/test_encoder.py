"""Texts to unit vectors: alone and in a batch, on one thread and on three; prompts and limits."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer

from handler.bundle import ModelFiles, ModelManifest
from handler.encoder import TOKENIZED_TOGETHER, Encoder
from handler.errors import ModelError
from handler.files import FileEntry
from tests.export.encode import run
from tests.export.tiny import LICENSE

WORDS = LICENSE.read_text("utf-8").split()


def some_texts(count: int) -> list[str]:
    rng = random.Random(1)
    texts = [" ".join(rng.choices(WORDS, k=rng.choice([1, 3, 10, 60]))) for _ in range(count - 6)]
    texts += ["", "東京都", "שלום 🙂", "<b>html</b>", "WORK", "work"]
    rng.shuffle(texts)
    return texts


def with_manifest(encoder: Encoder, folder: Path, manifest: ModelManifest) -> Encoder:
    session = onnxruntime.InferenceSession(
        folder / ModelFiles.ENCODER, providers=["CPUExecutionProvider"]
    )
    return Encoder(manifest, encoder.tokenizer, session)


def test_vectors_are_those_of_the_graph_in_the_order_of_texts(
    encoder: Encoder, tiny_model_dir: Path
) -> None:
    texts = some_texts(TOKENIZED_TOGETHER + 50)
    tokenizer = Tokenizer.from_file(str(tiny_model_dir / ModelFiles.TOKENIZER))
    ids = [tokenizer.encode(text).ids for text in texts]
    cut = [row if len(row) <= 48 else [*row[:47], row[-1]] for row in ids]
    assert sum(len(row) > 48 for row in ids) > 10
    vectors = encoder.encode(texts, "document")
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, run(tiny_model_dir, cut), atol=1e-5)
    assert not np.allclose(vectors, run(tiny_model_dir, [row[:48] for row in ids]), atol=1e-3)


def test_vectors_have_unit_length(encoder: Encoder) -> None:
    vectors = encoder.encode(some_texts(40), "query")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([], "query").shape == (0, 32)


@pytest.mark.parametrize("fixture", ["tiny_model_dir", "model_dir"])
def test_a_vector_never_depends_on_company_or_threads(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(fixture)
    texts = some_texts(24)
    one, three = Encoder.open(folder), Encoder.open(folder, threads=3)
    together = one.encode(texts, "document")
    alone = np.concatenate([one.encode([text], "document") for text in texts])
    assert together.tobytes() == alone.tobytes()
    assert together.tobytes() == three.encode(texts, "document").tobytes()
    assert together[::-1].tobytes() == three.encode(texts[::-1], "document").tobytes()


def test_of_a_long_text_the_beginning_counts(encoder: Encoder) -> None:
    words = ["ж" * 99, *(["work"] * 20), *(["щ" * 99] * 24), "the"]
    start = " ".join(words)
    assert len(encoder.tokenizer.encode(start)) == encoder.manifest.max_tokens
    alone, longer, without_the_last = encoder.encode(
        [start, start + " more" * 50_000, start[:-4]], "document"
    )
    assert alone.tobytes() == longer.tobytes()
    assert not np.allclose(alone, without_the_last, atol=1e-4)


def test_prompts_stand_before_queries_and_documents(encoder: Encoder, tiny_model_dir: Path) -> None:
    manifest = replace(encoder.manifest, prompts={"query": "query: ", "document": "passage: "})
    prompted = with_manifest(encoder, tiny_model_dir, manifest)
    plain = encoder.encode(["query: the work", "passage: the work"], "query")
    found = np.stack(
        [prompted.encode(["the work"], "query")[0], prompted.encode(["the work"], "document")[0]]
    )
    assert found.tobytes() == plain.tobytes()
    assert not np.allclose(plain[0], plain[1], atol=1e-3)


def test_a_manifest_without_prompts_puts_nothing_before(
    encoder: Encoder, tiny_model_dir: Path
) -> None:
    bare = with_manifest(encoder, tiny_model_dir, replace(encoder.manifest, prompts={}))
    assert bare.encode(["work"], "query").tobytes() == encoder.encode(["work"], "query").tobytes()


def test_padding_and_truncation_in_the_tokenizer_file_count_for_nothing(
    tiny_model_dir: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_model_dir, tmp_path / "bundle"))
    tokenizer = Tokenizer.from_file(str(folder / ModelFiles.TOKENIZER))
    tokenizer.enable_padding(length=40)
    tokenizer.enable_truncation(5)
    tokenizer.save(str(folder / ModelFiles.TOKENIZER))
    describe(folder, ModelFiles.TOKENIZER)
    texts = ["the work and the licence of the contributor", "work"]
    plain = Encoder.open(tiny_model_dir).encode(texts, "query")
    assert Encoder.open(folder).encode(texts, "query").tobytes() == plain.tobytes()


def describe(folder: Path, name: str) -> None:
    """Make the manifest describe a file as it is now."""
    path = folder / ModelFiles.MANIFEST
    raw = json.loads(path.read_bytes())
    entry = FileEntry.of(folder / name)
    raw["files"][name] = {"bytes": entry.bytes, "sha256": entry.sha256}
    path.write_text(json.dumps(raw), "utf-8")


@pytest.mark.parametrize("name", [ModelFiles.ENCODER, ModelFiles.TOKENIZER])
def test_a_file_that_is_described_but_unusable(
    tiny_model_dir: Path, tmp_path: Path, name: str
) -> None:
    folder = Path(shutil.copytree(tiny_model_dir, tmp_path / "bundle"))
    (folder / name).write_bytes(b"nothing of use")
    describe(folder, name)
    with pytest.raises(ModelError, match=f"{folder} can't be loaded: .*; export the model again"):
        Encoder.open(folder)


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"no model bundle in .*; make one with: querytower export"
    ):
        Encoder.open(tmp_path / "nowhere")
