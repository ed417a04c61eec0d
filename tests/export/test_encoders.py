"""The recommended encoders: their table, and the conversion of each at its true width."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from numpy.typing import NDArray
from safetensors.numpy import save_file
from typer.testing import CliRunner

from export import DEFAULT_MODEL, direct, verify
from export.encoders import BGE_QUERY, ENCODERS, Encoder, listed
from export.pipeline import export_model
from export.sentence import SentenceConfig
from export.weights import weights_sha256
from infra.cli.commands.export import export
from tests.export.test_direct import bert
from tests.export.tiny import bert_tensors, write_bert, write_json, write_sentence_files

WORDS = 1000
IDS = [[2, 90, 91, 92, 3], [2, 100, 3], [2, *range(50, 90), 3]]
SMALL = {
    "model_type": "bert",
    "hidden_size": 384,
    "intermediate_size": 1536,
    "num_attention_heads": 12,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
}
BASE = SMALL | {"hidden_size": 768, "intermediate_size": 3072}
MPNET = BASE | {
    "model_type": "mpnet",
    "max_position_embeddings": 514,
    "layer_norm_eps": 1e-5,
    "relative_attention_num_buckets": 32,
    "pad_token_id": 1,
}
DISTILBERT = {
    "model_type": "distilbert",
    "dim": 768,
    "hidden_dim": 3072,
    "n_heads": 12,
    "max_position_embeddings": 512,
    "activation": "gelu",
}
RENAMED = {
    "mpnet": {
        "attention.self.query": "attention.attn.q",
        "attention.self.key": "attention.attn.k",
        "attention.self.value": "attention.attn.v",
        "attention.output.dense": "attention.attn.o",
        "attention.output.LayerNorm": "attention.LayerNorm",
    },
    "distilbert": {
        "encoder.layer": "transformer.layer",
        "attention.self.query": "attention.q_lin",
        "attention.self.key": "attention.k_lin",
        "attention.self.value": "attention.v_lin",
        "attention.output.dense": "attention.out_lin",
        "attention.output.LayerNorm": "sa_layer_norm",
        "intermediate.dense": "ffn.lin1",
        "output.LayerNorm": "output_layer_norm",
        "output.dense": "ffn.lin2",
    },
}
# The config.json of each listed transformer, and its pooling.
CONFIGS: dict[str, tuple[dict[str, Any], str]] = {
    "all-MiniLM-L6-v2": (SMALL, "mean_tokens"),
    "mdbr-leaf-ir": (SMALL, "mean_tokens"),
    "snowflake-arctic-embed-xs": (SMALL, "cls_token"),
    "snowflake-arctic-embed-s": (SMALL, "cls_token"),
    "bge-small-en-v1.5": (SMALL, "cls_token"),
    "gte-small": (SMALL, "mean_tokens"),
    "e5-small-v2": (SMALL, "mean_tokens"),
    "multilingual-e5-small": (SMALL, "mean_tokens"),
    "all-mpnet-base-v2": (MPNET, "mean_tokens"),
    "msmarco-distilbert-cos-v5": (DISTILBERT, "mean_tokens"),
}


def write_listed(folder: Path, encoder: Encoder, config: dict[str, Any], pooling: str) -> Path:
    """Write the model with random weights: true widths, one layer, and few words."""
    shape = BASE if encoder.hidden == 768 else SMALL
    shape = shape | {"vocab_size": WORDS, "num_hidden_layers": 1, "n_layers": 1}
    shape |= {"max_position_embeddings": config["max_position_embeddings"]}
    kind = config["model_type"]
    tensors = {rename(name, kind): tensor for name, tensor in bert_tensors(shape).items()}
    if kind == "mpnet":
        random = np.random.default_rng(1)
        bias = random.standard_normal((32, 12)).astype(np.float32)
        tensors["encoder.relative_attention_bias.weight"] = bias
        del tensors["embeddings.token_type_embeddings.weight"]
    elif kind == "distilbert":
        del tensors["embeddings.token_type_embeddings.weight"]
    write_json(folder / "config.json", shape | config)
    save_file(tensors, folder / "model.safetensors")
    write_sentence_files(folder, pooling=pooling, max_tokens=encoder.tokens)
    if encoder.dimension != encoder.hidden:
        write_dense(folder, encoder.hidden, encoder.dimension)
    return folder


def rename(name: str, kind: str) -> str:
    for old, new in RENAMED.get(kind, {}).items():
        name = name.replace(old, new)
    return name


def write_dense(folder: Path, width: int, out: int) -> None:
    """Add a Dense module, as mdbr-leaf-ir has one."""
    weight = dense_weight(width, out)
    write_json(
        folder / "2_Dense/config.json",
        {"activation_function": "torch.nn.modules.linear.Identity", "bias": False},
    )
    save_file({"linear.weight": weight}, folder / "2_Dense/model.safetensors")
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Dense": "2_Dense", "Normalize": "3"}
    modules = [{"type": f"x.{kind}", "path": path} for kind, path in kinds.items()]
    write_json(folder / "modules.json", modules)


def dense_weight(width: int, out: int) -> NDArray[np.float32]:
    return np.random.default_rng(7).standard_normal((out, width)).astype(np.float32)


@pytest.mark.parametrize("name", CONFIGS)
def test_each_listed_transformer_is_converted(name: str, tmp_path: Path) -> None:
    encoder = next(encoder for encoder in ENCODERS if encoder.model.endswith(f"/{name}"))
    config, pooling = CONFIGS[name]
    folder = write_listed(tmp_path, encoder, config, pooling)
    sentence = SentenceConfig.read(folder)
    assert direct.unsupported(sentence) is None
    assert (sentence.dimension, sentence.max_tokens) == (encoder.dimension, encoder.tokens)
    vectors = verify.embed(direct.convert(sentence).SerializeToString(), IDS)
    assert vectors.shape == (3, encoder.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    if config is SMALL:  # the others are compared with PyTorch in test_converters.py
        shape = SMALL | {"num_hidden_layers": 1}
        states = [bert(folder, shape, ids) for ids in IDS]
        wanted = np.stack([state[0] if "cls" in pooling else state.mean(0) for state in states])
        if encoder.dimension != encoder.hidden:
            wanted = wanted @ dense_weight(encoder.hidden, encoder.dimension).T
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
        assert (vectors * wanted).sum(1).min() > 0.9999


def test_the_listed_static_model_is_converted(tmp_path: Path) -> None:
    encoder = listed("minishlab/potion-retrieval-32M")
    assert encoder
    table = np.random.default_rng(0).standard_normal((WORDS, encoder.hidden)).astype(np.float32)
    save_file({"embeddings": table}, tmp_path / "model.safetensors")
    write_json(tmp_path / "config.json", {"model_type": "model2vec", "normalize": True})
    write_json(tmp_path / "tokenizer.json", {"model": {"type": "WordPiece", "vocab": {}}})
    sentence = SentenceConfig.read(tmp_path)
    assert (sentence.dimension, sentence.max_tokens) == (encoder.dimension, encoder.tokens)
    vectors = verify.embed(direct.convert(sentence).SerializeToString(), IDS)
    wanted = np.stack([table[ids].mean(0) for ids in IDS])
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, wanted, atol=1e-5)


def test_every_encoder_of_the_list_is_tested() -> None:
    names = {encoder.model.rpartition("/")[2] for encoder in ENCODERS}
    assert names == {*CONFIGS, "potion-retrieval-32M"}
    for name, (config, _) in CONFIGS.items():
        encoder = next(encoder for encoder in ENCODERS if encoder.model.endswith(f"/{name}"))
        assert encoder.hidden == config.get("hidden_size", config.get("dim"))
        assert 4 * encoder.hidden == config.get("intermediate_size", config.get("hidden_dim"))


def test_bytes_of_a_bundle_are_close_to_the_estimate(model_dir: Path) -> None:
    encoder = listed(DEFAULT_MODEL)
    assert encoder
    found = sum(file.stat().st_size for file in model_dir.iterdir())
    assert encoder.bundle_bytes == pytest.approx(found, rel=0.05)


def test_list_prints_the_table_and_needs_no_folder() -> None:
    app = typer.Typer()
    app.command()(export)
    result = CliRunner().invoke(app, ["--list"], catch_exceptions=False)
    assert result.exit_code == 0
    for encoder in ENCODERS:
        row = next(line for line in result.stdout.splitlines() if encoder.model in line)
        assert f" {encoder.dimension} " in row
        assert encoder.licence in row
        assert re.search(rf"\b{encoder.score:g}\b", row)


def test_prompts_that_the_files_do_not_declare_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model lies in the cache, as a download leaves it."""
    monkeypatch.setenv("QUERYTOWER_EXPORT_CACHE", str(tmp_path))
    place = tmp_path / "models" / "BAAI--bge-small-en-v1.5"
    folder = write_bert(place / "model")
    digest = weights_sha256(folder)
    write_json(place / "source.json", {"kind": "hub", "weights_sha256": digest})
    report = export_model("BAAI/bge-small-en-v1.5", tmp_path / "bundle", precision="fp32")
    assert report.manifest.prompts == {"query": BGE_QUERY, "document": ""}
    assert any("its authors ask for query" in note for note in report.notes)
    prompts = {"query": "", "document": ""}
    report = export_model(
        "BAAI/bge-small-en-v1.5", tmp_path / "bundle", precision="fp32", prompts=prompts
    )
    assert report.manifest.prompts == prompts
