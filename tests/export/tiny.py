"""Write small BERT models with random weights, as sentence-transformers would have saved them."""

import json
import string
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LICENSE = Path(__file__).parents[2] / "LICENSE"
CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
}


def vocabulary() -> list[str]:
    """Return the special tokens, single characters, and the words of the licence by frequency."""
    characters = string.ascii_lowercase + string.digits
    text = LICENSE.read_text("utf-8").lower()
    words = Counter(word for word in text.split() if word.isalpha() and len(word) > 1)
    frequent = sorted(words, key=lambda word: (-words[word], word))
    return [*SPECIAL, *string.punctuation, *characters, *(f"##{c}" for c in characters), *frequent]


def bert_tensors(config: dict[str, Any], seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Draw all tensors of a BERT of this shape."""
    random = np.random.default_rng(seed)
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    tensors: dict[str, NDArray[np.float32]] = {}

    def draw(name: str, *shape: int, around: float = 0.0) -> None:
        tensors[name] = (around + 0.2 * random.standard_normal(shape)).astype(np.float32)

    def norm(name: str) -> None:
        draw(f"{name}.LayerNorm.weight", hidden, around=1.0)
        draw(f"{name}.LayerNorm.bias", hidden)

    def linear(name: str, out: int, width: int) -> None:
        draw(f"{name}.weight", out, width)
        draw(f"{name}.bias", out)

    draw("embeddings.word_embeddings.weight", config["vocab_size"], hidden)
    draw("embeddings.position_embeddings.weight", config["max_position_embeddings"], hidden)
    draw("embeddings.token_type_embeddings.weight", config["type_vocab_size"], hidden)
    norm("embeddings")
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        for part in (
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "attention.output.dense",
        ):
            linear(f"{layer}.{part}", hidden, hidden)
        norm(f"{layer}.attention.output")
        linear(f"{layer}.intermediate.dense", inner, hidden)
        linear(f"{layer}.output.dense", hidden, inner)
        norm(f"{layer}.output")
    return tensors


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON; make the folder where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")


def write_sentence_files(
    folder: Path, *, pooling: str = "mean_tokens", max_tokens: int = 48
) -> None:
    """Write what sentence-transformers adds to a model."""
    types = ("Transformer", "Pooling", "Normalize")
    modules = [
        {"idx": i, "type": f"sentence_transformers.models.{kind}"} for i, kind in enumerate(types)
    ]
    paths = ("", "1_Pooling", "2_Normalize")
    write_json(
        folder / "modules.json",
        [m | {"path": path} for m, path in zip(modules, paths, strict=True)],
    )
    modes = ("cls_token", "mean_tokens", "max_tokens")
    write_json(
        folder / "1_Pooling/config.json",
        {f"pooling_mode_{mode}": mode == pooling for mode in modes},
    )
    write_json(
        folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False}
    )


def write_bert(
    folder: Path, *, pooling: str = "mean_tokens", prefix: str = "", **changes: Any
) -> Path:
    """Write a model folder with random weights; `changes` go into config.json. Return the folder."""
    words = vocabulary()
    config = CONFIG | {"vocab_size": len(words)} | changes
    write_json(folder / "config.json", config)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", "utf-8")
    tensors = {f"{prefix}{name}": tensor for name, tensor in bert_tensors(config).items()}
    save_file(tensors, folder / "model.safetensors")
    write_sentence_files(folder, pooling=pooling)
    return folder


def write_cross_encoder(folder: Path, **changes: Any) -> Path:
    """Write a BERT that scores pairs of texts, with random weights. Return the folder."""
    write_bert(folder, prefix="bert.", **changes)
    (folder / "modules.json").unlink()
    tensors = load_file(folder / "model.safetensors")
    random, hidden = np.random.default_rng(5), CONFIG["hidden_size"]
    shapes = {
        "bert.pooler.dense.weight": (hidden, hidden),
        "bert.pooler.dense.bias": (hidden,),
        "classifier.weight": (1, hidden),
        "classifier.bias": (1,),
    }
    for name, shape in shapes.items():
        tensors[name] = (0.5 * random.standard_normal(shape)).astype(np.float32)
    save_file(tensors, folder / "model.safetensors")
    return folder
