"""Model folders that are damaged or hostile: each ends in a sentence that names the file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from export.pipeline import export_model
from handler.errors import ModelError
from tests.export.tiny import write_bert, write_json

Edit = Callable[[Path], object]
Tensors = dict[str, NDArray[np.float32]]
WORDS = "embeddings.word_embeddings.weight"
DEEP = "[" * 100_000


def config(**changes: Any) -> Edit:
    """Return an edit of config.json."""

    def edit(folder: Path) -> None:
        path = folder / "config.json"
        write_json(path, json.loads(path.read_bytes()) | changes)

    return edit


def text(name: str, content: Any) -> Edit:
    """Return an edit that writes a file: a text as it is, anything else as JSON."""
    return lambda folder: (folder / name).write_text(
        content if isinstance(content, str) else json.dumps(content), "utf-8"
    )


def tensors(change: Callable[[Tensors], object]) -> Edit:
    """Return an edit of the weights."""

    def edit(folder: Path) -> None:
        found = load_file(folder / "model.safetensors")
        change(found)
        save_file(found, folder / "model.safetensors")

    return edit


def weight_map(value: Any) -> Edit:
    """Return an edit that replaces the weights by an index of shards."""

    def edit(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        write_json(folder / "model.safetensors.index.json", {"weight_map": value})

    return edit


def cut(name: str, rows: int) -> Edit:
    """Return an edit that leaves only so many rows of a tensor."""
    return tensors(lambda found: found.update({name: found[name][:rows].copy()}))


CASES: dict[str, tuple[Edit, str]] = {
    "no heads": (config(num_attention_heads=0), "num_attention_heads is 0"),
    "heads as text": (config(num_attention_heads="x"), "num_attention_heads is 'x'"),
    "hidden null": (config(hidden_size=None), "hidden_size is None"),
    "hidden enormous": (config(hidden_size=10**12), "hidden_size is 10"),
    "padding null": (config(model_type="roberta", pad_token_id=None), "pad_token_id is None"),
    "positions as text": (config(max_position_embeddings="x"), "max_position_embeddings is 'x'"),
    "layers enormous": (config(num_hidden_layers=10**9), "have no tensor 'encoder.layer.2"),
    "deep config": (text("config.json", DEEP), "nested too deep"),
    "tokens negative": (
        text("sentence_bert_config.json", {"max_seq_length": -1}),
        "max_seq_length is -1",
    ),
    "prompts as a list": (
        text("config_sentence_transformers.json", {"prompts": ["a"]}),
        "prompts is \\['a'\\]",
    ),
    "prompt of a book": (
        text("config_sentence_transformers.json", {"prompts": {"query": "x" * 5000}}),
        "at most 2000 characters",
    ),
    "weight map as a list": (weight_map(["a"]), "weight_map is no object"),
    "weight map outside": (weight_map({WORDS: "../x.safetensors"}), "weight_map names '../x"),
    "weight map of numbers": (weight_map({WORDS: 5}), "weight_map names '5'"),
    "not a number": (tensors(lambda t: t[WORDS].fill(np.nan)), "holds NaN or infinity"),
    "fewer words than the tokenizer knows": (cut(WORDS, 50), "can't read .* fewer positions or"),
    "fewer positions than tokens": (
        cut("embeddings.position_embeddings.weight", 10),
        "can't read .* fewer positions or word embeddings",
    ),
    "no positions": (cut("embeddings.position_embeddings.weight", 0), "is empty"),
    "no segments": (cut("embeddings.token_type_embeddings.weight", 0), "is empty"),
    "a header of a petabyte": (
        lambda folder: (folder / "model.safetensors").write_bytes(
            b"\xff\xff\xff\xff\xff\xff\x03\0"
        ),
        "model.safetensors is not a safetensors file",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_model(tmp_path: Path, case: str) -> None:
    edit, problem = CASES[case]
    folder = write_bert(tmp_path / "model")
    edit(folder)
    with pytest.raises(ModelError, match=problem) as caught:
        export_model(str(folder), tmp_path / "bundle", converter="direct")
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "bundle").exists()
