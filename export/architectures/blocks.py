"""Parts that several architectures are made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.architectures.positions import Rotary
from export.config import Config
from export.graph import Graph

MASK = "attention_mask"
Matrix = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Sizes of a transformer, and what all of its layers share."""

    hidden: int
    inner: int
    layers: int
    heads: int
    epsilon: float
    activation: str

    @classmethod
    def read(cls, config: Config) -> "Shape":
        """Read config.json as BERT and its relatives spell it; raise ModelError if it is wrong."""
        hidden = config.whole("hidden_size")
        return cls(
            hidden=hidden,
            inner=config.whole("intermediate_size"),
            layers=config.whole("num_hidden_layers"),
            heads=read_heads(config, "num_attention_heads", hidden),
            epsilon=config.number("layer_norm_eps", 1e-12),
            activation=config.text("hidden_act", "gelu"),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerNames:
    """Names of a layer's tensors without ".weight" and ".bias"; `attention` names its node."""

    attention: str
    query: str
    key: str
    value: str
    attended: str
    attended_norm: str
    inner: str
    outer: str
    outer_norm: str


def read_heads(config: Config, name: str, hidden: int) -> int:
    """Read the number of attention heads; raise ModelError unless it divides `hidden`."""
    count = config.whole(name)
    if hidden % count:
        raise config.wrong(name, f"a divisor of the {hidden} dimensions")
    return count


def embed(graph: Graph, width: int, epsilon: float, *, first: int = 0) -> str:
    """Sum word, position and segment embeddings of `width` values, and normalise the sum.

    `first` is the row of the position table for the first token. Unless the graph reads pairs,
    every token is of segment 0.
    """
    get = graph.weights.get
    segments = "embeddings.token_type_embeddings.weight"
    positions = get("embeddings.position_embeddings.weight")[first:]
    if segments in graph.weights and not graph.pairs:
        positions = positions + get(segments)[0]
    inputs = [
        "input_ids",
        "token_type_ids" if graph.pairs else "",
        graph.constant("words", get("embeddings.word_embeddings.weight")),
        graph.constant("positions", positions),
        graph.load(segments) if graph.pairs else "",
        *graph.norm_weights("embeddings.LayerNorm", width),
    ]
    states = graph.fused("EmbedLayerNormalization", inputs, "embeddings", epsilon=epsilon)
    graph.nodes[-1].output.append("embeddings.mask")  # unused, but ONNX Runtime insists on it
    return states


def embed_words(graph: Graph, norm: str, width: int, epsilon: float) -> str:
    """Look up word embeddings of `width` values, add segment 0 if there are segments, normalise."""
    segments = "embeddings.token_type_embeddings.weight"
    words = graph.weights.get("embeddings.word_embeddings.weight")
    if segments in graph.weights:
        words = words + graph.weights.get(segments)[0]
    states = graph.node("Gather", [graph.constant("words", words), "input_ids"], "embeddings")
    return graph.norm(states, norm, width, epsilon)


def layer(graph: Graph, states: str, names: LayerNames, shape: Shape, bias: str = "") -> str:
    """Self-attention, then the feed-forward network; each is added to its input and normalised.

    `bias` names what is added to the attention scores, [1 or batch, 1 or heads, tokens, tokens].
    """
    attended = attend(graph, states, names, shape, bias)
    states = add_norm(graph, attended, states, names.attended, names.attended_norm, shape)
    return feed_forward(graph, states, names, shape)


def feed_forward(graph: Graph, states: str, names: LayerNames, shape: Shape) -> str:
    """Apply the feed-forward network, add its input, and normalise."""
    inner = graph.product(states, names.inner, shape.hidden, shape.inner)
    shift = graph.load(f"{names.inner}.bias", shape.inner)
    inner = graph.activate(inner, shape.activation, names.inner, shift)
    return add_norm(graph, inner, states, names.outer, names.outer_norm, shape, width=shape.inner)


def attend(graph: Graph, states: str, names: LayerNames, shape: Shape, bias: str = "") -> str:
    """Return what the tokens see of each other, [batch, tokens, hidden]."""
    parts, hidden, get = (names.query, names.key, names.value), shape.hidden, graph.weights.get
    weights = [get(f"{part}.weight", hidden, hidden).T for part in parts]
    shifts = [get(f"{part}.bias", hidden) for part in parts]
    packed = names.query.rpartition(".")[0]
    weight = graph.constant(f"{packed}.weight", np.concatenate(weights, axis=1))
    shift = graph.constant(f"{packed}.bias", np.concatenate(shifts))
    if not bias:
        inputs = [states, weight, shift, MASK]
        return graph.fused("Attention", inputs, names.attention, num_heads=shape.heads)
    product = graph.node("MatMul", [states, weight], f"{packed}.product")
    query, key, value = graph.split(product, f"{packed}.parts", 3)
    inputs = [query, key, value, shift, MASK, bias]
    return graph.fused("MultiHeadAttention", inputs, names.attention, num_heads=shape.heads)


def add_norm(
    graph: Graph,
    states: str,
    residual: str,
    dense: str,
    norm: str,
    shape: Shape,
    *,
    width: int = 0,
    biased: bool = True,
) -> str:
    """Apply a dense layer to `states`, add the residual, and normalise.

    Args:
        graph: takes the nodes.
        states: [batch, tokens, width].
        residual: [batch, tokens, hidden].
        dense: name of the dense layer.
        norm: name of the layer normalisation.
        shape: sizes of the transformer.
        width: values per token in `states`; the hidden size unless given.
        biased: whether the dense layer has a bias.
    """
    product = graph.product(states, dense, width or shape.hidden, shape.hidden)
    bias = [graph.load(f"{dense}.bias", shape.hidden)] if biased else []
    inputs = [product, residual, *graph.norm_weights(norm, shape.hidden), *bias]
    name = f"{dense.removesuffix('.dense')}.norm"
    return graph.fused("SkipLayerNormalization", inputs, name, epsilon=shape.epsilon)


def gated(graph: Graph, states: str, name: str, activation: str, gate: Matrix, up: Matrix) -> str:
    """Multiply the products with `up` and with `gate`, the latter activated.

    Args:
        graph: takes the nodes.
        states: [batch, tokens, width].
        name: of the two matrices, which are stored and multiplied as one.
        activation: one of ACTIVATIONS.
        gate: [inner, width].
        up: [inner, width].
    """
    product = graph.multiply(states, name, np.concatenate([gate, up]).T)
    first, second = graph.split(product, f"{name}.halves", 2)
    return graph.node("Mul", [graph.activate(first, activation, name), second], f"{name}.gated")


def rotary_attend(
    graph: Graph, packed: str, name: str, heads: int, rotary: Rotary, bias: str = ""
) -> str:
    """Attend with rotated queries and keys.

    Args:
        graph: takes the nodes.
        packed: queries, keys and values side by side, [batch, tokens, 3 × hidden].
        name: of the node.
        heads: number of attention heads.
        rotary: rotates queries and keys.
        bias: as for `layer`.
    """
    query, key, value = graph.split(packed, f"{name}.parts", 3)
    query, key = rotary.rotate(query, f"{name}.query"), rotary.rotate(key, f"{name}.key")
    inputs = [query, key, value, "", MASK, bias]
    return graph.fused("MultiHeadAttention", inputs, name, num_heads=heads)
