"""Nomic-BERT, GTE and Jina-BERT against their formulas; static models against a mean of rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from export.pipeline import export_model
from handler.errors import ModelError
from tests.export import formulas
from tests.export.encode import run
from tests.export.tiny import vocabulary, write_json, write_sentence_files

WORDS = len(vocabulary())
IDS = [[2, 90, 3], [2, 60, 61, 62, 63, 3], [2, *range(50, 90), 3]]
WIDTH, INNER = 32, 56
NORM = {"weight": (WIDTH,), "bias": (WIDTH,)}
EMBEDDINGS = {
    "embeddings.word_embeddings.weight": (WORDS, WIDTH),
    "embeddings.token_type_embeddings.weight": (2, WIDTH),
}


def spread(shapes: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Join the names of nested shapes with dots."""
    flat: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes.items():
        inner = {"": shape} if isinstance(shape, tuple) else spread(shape)
        flat |= {f"{name}.{rest}".rstrip("."): size for rest, size in inner.items()}
    return flat


def dense(out: int, width: int, bias: bool = True) -> dict[str, tuple[int, ...]]:
    return {"weight": (out, width)} | ({"bias": (out,)} if bias else {})


NOMIC_LAYER = {
    "attn": {"Wqkv": dense(3 * WIDTH, WIDTH, False), "out_proj": dense(WIDTH, WIDTH, False)},
    "mlp": {
        "fc11": dense(INNER, WIDTH, False),
        "fc12": dense(INNER, WIDTH, False),
        "fc2": dense(WIDTH, INNER, False),
    },
    "norm1": NORM,
    "norm2": NORM,
}
GTE_LAYER = {
    "attention": {"qkv_proj": dense(3 * WIDTH, WIDTH), "o_proj": dense(WIDTH, WIDTH)},
    "mlp": {"up_gate_proj": dense(2 * INNER, WIDTH, False), "down_proj": dense(WIDTH, INNER)},
    "attn_ln": NORM,
    "mlp_ln": NORM,
}
JINA_LAYER = {
    "attention": {
        "self": {part: dense(WIDTH, WIDTH) for part in ("query", "key", "value")},
        "output": {"dense": dense(WIDTH, WIDTH), "LayerNorm": NORM},
    },
    "mlp": {
        "gated_layers": dense(2 * INNER, WIDTH, False),
        "wo": dense(WIDTH, INNER),
        "layernorm": NORM,
    },
}
COMMON = {
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "layer_norm_eps": 1e-6,
    "hidden_act": "gelu",
}
NOMIC = {
    "model_type": "nomic_bert",
    "n_embd": WIDTH,
    "n_inner": INNER,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 8192,
    "layer_norm_epsilon": 1e-6,
    "activation_function": "swiglu",
    "rotary_emb_base": 100,
    "rotary_emb_fraction": 1.0,
    "qkv_proj_bias": False,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
}
GTE = COMMON | {"model_type": "new", "position_embedding_type": "rope", "rope_theta": 300.0}
JINA = COMMON | {
    "model_type": "bert",
    "position_embedding_type": "alibi",
    "feed_forward_type": "geglu",
    "slopes": [2**-2, 2**-4, 2**-6, 2**-8],
}
# The slopes for six heads are those for four, and the first two that eight heads add.
SIX = JINA | {
    "num_attention_heads": 6,
    "hidden_size": 48,
    "slopes": [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3],
    "feed_forward_type": "reglu",
}
CASES: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "nomic": (
        formulas.nomic,
        NOMIC,
        EMBEDDINGS | {"emb_ln": NORM, "encoder.layers": {"0": NOMIC_LAYER, "1": NOMIC_LAYER}},
    ),
    "gte": (
        formulas.gte,
        GTE,
        {
            "embeddings.word_embeddings.weight": (WORDS, WIDTH),
            "embeddings.LayerNorm": NORM,
            "encoder.layer": {"0": GTE_LAYER, "1": GTE_LAYER},
        },
    ),
    "jina": (
        formulas.jina,
        JINA,
        EMBEDDINGS
        | {"embeddings.LayerNorm": NORM, "encoder.layer": {"0": JINA_LAYER, "1": JINA_LAYER}},
    ),
}
CASES["gte, scaled"] = (
    formulas.gte,
    GTE | {"rope_scaling": {"type": "ntk", "factor": 2.0}},
    CASES["gte"][2],
)
CASES["jina, six heads"] = (formulas.jina, SIX, CASES["jina"][2])


def write_random(
    folder: Path, config: Mapping[str, Any], shapes: Mapping[str, Any], *, prefix: str = ""
) -> dict[str, NDArray[np.float32]]:
    """Write a model with random tensors of these shapes, where WIDTH stands for the hidden size."""
    random = np.random.default_rng(4)
    hidden = config.get("hidden_size", WIDTH)
    tensors = {}
    for name, shape in spread(shapes).items():
        size = [side // WIDTH * hidden if side in (WIDTH, 3 * WIDTH) else side for side in shape]
        around = 1.0 if len(size) == 1 and name.endswith("weight") else 0.0
        tensors[name] = (around + 0.2 * random.standard_normal(size)).astype(np.float32)
    folder.mkdir()
    save_file(
        {prefix + name: tensor for name, tensor in tensors.items()}, folder / "model.safetensors"
    )
    write_json(folder / "config.json", config)
    (folder / "vocab.txt").write_text("\n".join(vocabulary()) + "\n", "utf-8")
    write_sentence_files(folder)
    return tensors


@pytest.mark.parametrize("case", CASES)
def test_vectors_are_those_of_the_formula(case: str, tmp_path: Path) -> None:
    formula, config, shapes = CASES[case]
    prefix = {"gte": "new.", "jina": "bert."}.get(case, "")
    tensors = write_random(tmp_path / "model", config, shapes, prefix=prefix)
    export_model(str(tmp_path / "model"), tmp_path / "bundle", precision="fp32", converter="direct")
    states = [formula(tensors, config, ids) for ids in IDS]
    pooled = np.stack([state.mean(0) for state in states])
    wanted = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    np.testing.assert_allclose(run(tmp_path / "bundle", IDS), wanted, atol=2e-6)


@pytest.mark.parametrize("case", ["nomic", "gte", "jina"])
def test_int8_is_close(case: str, tmp_path: Path) -> None:
    _, config, shapes = CASES[case]
    write_random(tmp_path / "model", config, shapes)
    report = export_model(str(tmp_path / "model"), tmp_path / "bundle", min_agreement=0.5)
    assert report.manifest.precision == "int8"


@pytest.mark.parametrize(
    ("case", "changes", "named"),
    [
        ("nomic", {"num_experts": 8}, "num_experts '8'"),
        ("nomic", {"qkv_proj_bias": True}, "qkv_proj_bias 'True'"),
        ("gte", {"layer_norm_type": "rms_norm"}, "layer_norm_type 'rms_norm'"),
        ("jina", {"feed_forward_type": "original"}, "feed_forward_type 'original'"),
    ],
)
def test_variants_that_differ_are_named(
    case: str, changes: dict[str, Any], named: str, tmp_path: Path
) -> None:
    _, config, shapes = CASES[case]
    write_random(tmp_path / "model", config | changes, shapes)
    with pytest.raises(ModelError, match=f"does not support {named}"):
        export_model(str(tmp_path / "model"), tmp_path / "bundle", converter="direct")
