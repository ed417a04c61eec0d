"""Static models (model2vec, potion, wordllama): a table of word vectors, and nothing else."""

from pathlib import Path
from typing import Any

from export.config import Config
from export.graph import Graph
from export.json_files import read_object
from export.weights import Weights
from handler.errors import ModelError

MODEL_TYPE = "model2vec"
TABLES = ("embeddings", "embedding.weight")  # as model2vec and sentence-transformers name it


def positions(_config: Config) -> int:
    """Return how many tokens model2vec reads by default; there is no limit of the table."""
    return 512


def read_config(folder: Path) -> Config:
    """Describe the static model in `folder` as a config.json would.

    `unknown_token_id` is there if the model drops unknown tokens, as model2vec does.

    Raises:
        ModelError: weights or tokenizer are missing or broken.
    """
    path = folder / "config.json"
    weights = Weights.open(folder)
    shape = weights.shape(_table(weights, path))
    if len(shape) != 2:
        raise ModelError(f"the word vectors beside {path} are no table; fetch the model again")
    values: dict[str, Any] = {"model_type": MODEL_TYPE, "hidden_size": shape[1]}
    if read_object(path).get("model_type") == MODEL_TYPE:
        values |= _unknown_token(folder / "tokenizer.json")
    return Config(path, values)


def build(graph: Graph, config: Config, _tokens: int) -> str:
    """Return the vectors of the tokens.

    Newer model2vec files share rows among tokens (`mapping`) and weigh tokens (`weights`): one
    table of products serves for both. The row of a token that is dropped is zero.
    """
    weights = graph.weights
    table = weights.get(_table(weights, config.path))
    if "mapping" in weights:
        table = table[weights.indices("mapping", len(table))]
    if "weights" in weights:
        table = table * weights.get("weights", len(table))[:, None]
    unknown = config.values.get("unknown_token_id")
    if unknown is not None and unknown < len(table):
        table[unknown] = 0
    return graph.node("Gather", [graph.constant("words", table), "input_ids"], "embeddings")


def _table(weights: Weights, path: Path) -> str:
    for name in TABLES:
        if name in weights:
            return name
    raise ModelError(
        f"the weights beside {path} have no tensor {' or '.join(TABLES)}: this is no static model; "
        "fetch the model again"
    )


def _unknown_token(path: Path) -> dict[str, int]:
    """Return the id of the unknown token, if the tokenizer has one."""
    model = read_object(path).get("model")
    if not isinstance(model, dict):
        raise ModelError(f"{path} is no tokenizer; fetch the model again")
    vocabulary, token = model.get("vocab"), model.get("unk_token")
    found = model.get("unk_id")
    if isinstance(vocabulary, dict) and isinstance(token, str):
        found = vocabulary.get(token)
    return {"unknown_token_id": found} if isinstance(found, int) and found >= 0 else {}
