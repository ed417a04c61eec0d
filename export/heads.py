"""The heads of cross-encoders: token states → one logit that says how well two texts fit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from export.config import Config
from export.graph import Graph
from export.pooling import PREFIX
from handler.errors import ModelError


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """A dense layer on the state of the first token, its activation, and the last layer."""

    dense: str
    activation: str
    last: str


HEADS: Mapping[str, Head] = {
    "bert": Head(dense="pooler.dense", activation="tanh", last="classifier"),
    "roberta": Head(dense="classifier.dense", activation="tanh", last="classifier.out_proj"),
    "electra": Head(dense="classifier.dense", activation="gelu", last="classifier.out_proj"),
    "mpnet": Head(dense="classifier.dense", activation="tanh", last="classifier.out_proj"),
    "distilbert": Head(dense="pre_classifier", activation="relu", last="classifier"),
    "deberta-v2": Head(dense="pooler.dense", activation="gelu", last="classifier"),
    "modernbert": Head(dense="head.dense", activation="gelu", last="classifier"),
}
ALIKE = {"xlm-roberta": "roberta", "camembert": "roberta"}
# Fields of config.json that change the activation, where there are such.
ACTIVATION_FIELDS = {"deberta-v2": "pooler_hidden_act", "modernbert": "classifier_activation"}
OPERATORS: Mapping[str, Callable[[Graph, str], str]] = {
    "tanh": lambda graph, states: graph.node("Tanh", [states], "activation"),
    "relu": lambda graph, states: graph.node("Relu", [states], "activation"),
    "gelu": lambda graph, states: graph.fused("Gelu", [states], "activation"),
}


def attach_head(graph: Graph, architecture: str, config: Config, states: str) -> str:
    """Add the head to the token states [batch, tokens, hidden]; return the logits' name, [batch].

    Raises:
        ModelError: the architecture has no known head, or the weights have none of one logit.
    """
    kind = ALIKE.get(architecture, architecture)
    if kind not in HEADS:
        raise ModelError(
            f"{config.path}: cross-encoders of type {architecture!r} can't be converted; choose "
            f"one of {', '.join([*HEADS, *ALIKE])}"
        )
    head = HEADS[kind]
    _check_logits(graph, head, config)
    graph.scope = f"{PREFIX}head."  # nodes that begin with PREFIX stay fp32
    pooled = _pool(graph, config, kind, states)
    hidden = _linear(graph, pooled, head.dense)
    hidden = OPERATORS[_activation(config, kind, head)](graph, hidden)
    if kind == "modernbert":
        width = graph.weights.shape("head.norm.weight")[0]
        biased = "head.norm.bias" in graph.weights
        hidden = graph.norm(hidden, "head.norm", width, config.number("norm_eps", 1e-5), biased)
    logits = _linear(graph, hidden, head.last)
    return graph.node("Squeeze", [logits, graph.constant("head.axis", np.array([-1]))], "logit")


def _check_logits(graph: Graph, head: Head, config: Config) -> None:
    name = f"{head.last}.weight"
    if name not in graph.weights:
        raise ModelError(
            f"{config.path.parent} is no cross-encoder: its weights have no {name}; name a model "
            "that scores pairs of texts, such as one of the ms-marco cross-encoders"
        )
    count = graph.weights.shape(name)[0]
    if count != 1:
        raise ModelError(
            f"{config.path.parent} tells {count} classes apart, a reranker has one score; choose "
            "another model"
        )


def _pool(graph: Graph, config: Config, kind: str, states: str) -> str:
    """Return the state that the head reads, [batch, hidden]."""
    if kind == "modernbert" and config.text("classifier_pooling", "cls") != "cls":
        if config.text("classifier_pooling") != "mean":
            raise config.wrong("classifier_pooling", '"cls" or "mean"')
        column = graph.constant("head.axis", np.array([-1]))
        mask = graph.node("Cast", ["attention_mask"], "mask", to=1)
        mask = graph.node("Unsqueeze", [mask, column], "mask.column")
        tokens = graph.constant("head.tokens", np.array([1]))
        total = graph.node("Mul", [states, mask], "masked")
        total = graph.node("ReduceSum", [total, tokens], "total", keepdims=0)
        count = graph.node("ReduceSum", [mask, tokens], "count", keepdims=0)
        return graph.node("Div", [total, count], "pooled")
    first = graph.node(
        "Gather", [states, graph.constant("head.first", np.array([0]))], "cls", axis=1
    )
    return graph.node("Squeeze", [first, graph.constant("head.tokens", np.array([1]))], "pooled")


def _activation(config: Config, kind: str, head: Head) -> str:
    field = ACTIVATION_FIELDS.get(kind)
    name = config.text(field, head.activation) if field else head.activation
    if name not in OPERATORS:
        raise config.wrong(str(field), f"one of {', '.join(OPERATORS)}")
    return name


def _linear(graph: Graph, states: str, name: str) -> str:
    out, width = graph.weights.shape(f"{name}.weight")
    product = graph.product(states, name, width, out)
    return graph.add(product, f"{name}.bias", out) if f"{name}.bias" in graph.weights else product
