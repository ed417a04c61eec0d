"""The direct converter against BERT written down in NumPy."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from export.pipeline import export_model
from handler.bundle import ModelFiles
from handler.errors import ModelError
from tests.export.encode import run
from tests.export.tiny import CONFIG, vocabulary, write_bert, write_json

Array = NDArray[np.float64]
IDS = [[2, 90, 91, 92, 3], [2, 100, 3], [2, *range(50, 90), 3]]

_erf = np.vectorize(math.erf)
ACTIVATION: dict[str, Callable[[Array], Array]] = {
    "gelu": lambda x: x * 0.5 * (1 + _erf(x / math.sqrt(2))),
    "gelu_new": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.maximum(x, 0),
}


def bert(folder: Path, config: dict[str, Any], ids: list[int]) -> Array:
    """Return the token states [tokens, hidden] of one text."""
    saved = load_file(folder / "model.safetensors")
    weights = {
        name.removeprefix("bert."): tensor.astype(np.float64) for name, tensor in saved.items()
    }
    heads, epsilon = config["num_attention_heads"], config["layer_norm_eps"]

    def linear(x: Array, name: str) -> Array:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
        return np.asarray(
            scaled * weights[f"{name}.LayerNorm.weight"] + weights[f"{name}.LayerNorm.bias"]
        )

    def split(x: Array) -> Array:
        return np.swapaxes(x.reshape(len(x), heads, -1), 0, 1)

    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings")
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        q, k, v = (
            split(linear(x, f"{layer}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        scores = np.exp(q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1]))
        mixed = (scores / scores.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(x.shape)
        x = norm(linear(mixed, f"{layer}.attention.output.dense") + x, f"{layer}.attention.output")
        inner = ACTIVATION[config["hidden_act"]](linear(x, f"{layer}.intermediate.dense"))
        x = norm(linear(inner, f"{layer}.output.dense") + x, f"{layer}.output")
    return x


def expected(folder: Path, config: dict[str, Any], pooling: str) -> Array:
    states = [bert(folder, config, ids) for ids in IDS]
    pooled = np.stack([s[0] if pooling == "cls_token" else s.mean(0) for s in states])
    return np.asarray(pooled / np.linalg.norm(pooled, axis=1, keepdims=True))


CASES: dict[str, dict[str, Any]] = {
    "mean": {},
    "cls": {"pooling": "cls_token"},
    "prefix": {"prefix": "bert."},
    "wide": {"hidden_size": 48, "num_attention_heads": 12, "intermediate_size": 96},
    "deep": {"num_hidden_layers": 5, "num_attention_heads": 1},
    "epsilon": {"layer_norm_eps": 0.5},
    "tanh": {"hidden_act": "gelu_new"},
    "relu": {"hidden_act": "relu", "pooling": "cls_token"},
}


@pytest.mark.parametrize("case", CASES)
def test_vectors_are_those_of_the_formula(case: str, tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "model", **CASES[case])
    export_model(str(folder), tmp_path / "bundle", precision="fp32", converter="direct")
    config = CONFIG | {key: value for key, value in CASES[case].items() if key in CONFIG}
    pooling = CASES[case].get("pooling", "mean_tokens")
    np.testing.assert_allclose(
        run(tmp_path / "bundle", IDS), expected(folder, config, pooling), atol=2e-6
    )


@pytest.mark.parametrize("kind", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_weights_are_read_as_fp32(kind: Any, tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "model")
    halves = {
        name: tensor.astype(kind)
        for name, tensor in load_file(folder / "model.safetensors").items()
    }
    save_file(halves, folder / "model.safetensors")
    export_model(str(folder), tmp_path / "bundle", precision="fp32")
    np.testing.assert_allclose(
        run(tmp_path / "bundle", IDS), expected(folder, CONFIG, "mean_tokens"), atol=2e-6
    )


def test_sharded_weights_and_old_names_are_read(tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    wanted = expected(folder, CONFIG, "mean_tokens")
    (folder / "model.safetensors").unlink()
    old = {
        name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): tensor
        for name, tensor in tensors.items()
    }
    shards = {
        name: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, name in enumerate(old)
    }
    for shard in set(shards.values()):
        save_file({name: old[name] for name in old if shards[name] == shard}, folder / shard)
    write_json(folder / "model.safetensors.index.json", {"weight_map": shards})
    export_model(str(folder), tmp_path / "bundle", precision="fp32")
    np.testing.assert_allclose(run(tmp_path / "bundle", IDS), wanted, atol=2e-6)


def test_dense_layer_after_pooling(tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "model")
    random = np.random.default_rng(1)
    weight, bias = (
        random.standard_normal((8, 32)).astype(np.float32),
        random.standard_normal(8).astype(np.float32),
    )
    write_json(
        folder / "2_Dense/config.json", {"activation_function": "torch.nn.modules.activation.Tanh"}
    )
    save_file({"linear.weight": weight, "linear.bias": bias}, folder / "2_Dense/model.safetensors")
    kinds = {
        "Transformer": "",
        "Pooling": "1_Pooling",
        "Dense": "2_Dense",
        "Normalize": "3_Normalize",
    }
    write_json(
        folder / "modules.json",
        [{"type": f"x.{kind}", "path": path} for kind, path in kinds.items()],
    )
    report = export_model(str(folder), tmp_path / "bundle", min_agreement=0.5)
    dense = np.tanh(np.stack([bert(folder, CONFIG, ids).mean(0) for ids in IDS]) @ weight.T + bias)
    wanted = dense / np.linalg.norm(dense, axis=1, keepdims=True)
    assert report.manifest.dimension == 8
    assert (run(tmp_path / "bundle", IDS) * wanted).sum(1).min() > 0.99
    operators = [
        node.op_type for node in onnx.load(tmp_path / "bundle" / ModelFiles.ENCODER).graph.node
    ]
    assert operators.count("DynamicQuantizeMatMul") == 6, (
        "three for each layer; the dense one stays fp32"
    )


def test_graph_is_fused(tiny_model_dir: Path) -> None:
    graph = onnx.load(tiny_model_dir / ModelFiles.ENCODER).graph
    operators = [node.op_type for node in graph.node]
    fused = {
        "EmbedLayerNormalization": 1,
        "Attention": 2,
        "SkipLayerNormalization": 4,
        "BiasGelu": 2,
    }
    assert {operator: operators.count(operator) for operator in fused} == fused
    assert {"Softmax", "LayerNormalization", "Erf"}.isdisjoint(operators)


def test_a_text_embeds_alike_alone_and_in_a_batch(tiny_model_dir: Path) -> None:
    together = run(tiny_model_dir, IDS)
    alone = np.concatenate([run(tiny_model_dir, [ids]) for ids in IDS])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model_type": "gpt2"}, "model_type 'gpt2'"),
        ({"hidden_act": "mish"}, "hidden_act 'mish'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type 'relative_key'"),
        ({"is_decoder": True}, "is_decoder 'True'"),
    ],
)
def test_what_it_cannot_convert_is_named(
    changes: dict[str, Any], named: str, tmp_path: Path
) -> None:
    folder = write_bert(tmp_path / "model", **changes)
    with pytest.raises(ModelError, match=f"does not support {named}.*--converter optimum"):
        export_model(str(folder), tmp_path / "bundle", converter="direct")


def test_a_missing_or_misshapen_tensor_is_named(tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.1.output.dense.weight"
    save_file(tensors | {name: tensors[name][:, :-1].copy()}, folder / "model.safetensors")
    with pytest.raises(ModelError, match=rf"{name}.*\(32, 63\).*\(32, 64\)"):
        export_model(str(folder), tmp_path / "bundle")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=f"no tensor '{name}'"):
        export_model(str(folder), tmp_path / "bundle")


def test_vocabulary_has_no_duplicates() -> None:
    assert len(set(vocabulary())) == len(vocabulary())
