"""Nomic-BERT: rotated queries and keys, a gated feed-forward network, and few biases."""

from export.architectures.blocks import (
    Shape,
    add_norm,
    embed_words,
    gated,
    read_heads,
    rotary_attend,
)
from export.architectures.positions import Rotary, frequencies
from export.config import Config
from export.graph import Graph


def positions(config: Config) -> int:
    """Return how many tokens the model was trained with; more would need other rotations."""
    return min(config.whole("n_positions", 2048), config.whole("max_trained_positions", 2048))


def build(graph: Graph, config: Config, tokens: int) -> str:
    """Return the token states."""
    shape = _shape(config)
    base = config.number("rotary_emb_base", 10_000)
    rotary = Rotary(graph, "rotary", frequencies(shape.hidden // shape.heads, base), tokens)
    states = embed_words(graph, "emb_ln", shape.hidden, shape.epsilon)
    for number in range(shape.layers):
        name = f"encoder.layers.{number}"
        packed = graph.product(states, f"{name}.attn.Wqkv", shape.hidden, 3 * shape.hidden)
        attended = rotary_attend(graph, packed, f"{name}.attn", shape.heads, rotary)
        states = add_norm(
            graph, attended, states, f"{name}.attn.out_proj", f"{name}.norm1", shape, biased=False
        )
        gate = graph.weights.get(f"{name}.mlp.fc12.weight", shape.inner, shape.hidden)
        up = graph.weights.get(f"{name}.mlp.fc11.weight", shape.inner, shape.hidden)
        inner = gated(graph, states, f"{name}.mlp.fc1", shape.activation, gate, up)
        states = add_norm(
            graph,
            inner,
            states,
            f"{name}.mlp.fc2",
            f"{name}.norm2",
            shape,
            width=shape.inner,
            biased=False,
        )
    return states


def _shape(config: Config) -> Shape:
    hidden = config.whole("n_embd")
    return Shape(
        hidden=hidden,
        inner=config.whole("n_inner"),
        layers=config.whole("n_layer"),
        heads=read_heads(config, "n_head", hidden),
        epsilon=config.number("layer_norm_epsilon", 1e-12),
        activation="silu",
    )
