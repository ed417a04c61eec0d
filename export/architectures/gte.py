"""GTE v1.5 and its relatives ("new"): rotated queries and keys, a gated feed-forward network."""

import numpy as np
from numpy.typing import NDArray

from export.architectures.blocks import Shape, add_norm, embed_words, gated, rotary_attend
from export.architectures.positions import Rotary, frequencies
from export.config import Config
from export.graph import Graph


def build(graph: Graph, config: Config, tokens: int) -> str:
    """Return the token states."""
    shape = Shape.read(config)
    rotary = Rotary(graph, "rotary", _frequencies(config, shape), tokens)
    states = embed_words(graph, "embeddings.LayerNorm", shape.hidden, shape.epsilon)
    for number in range(shape.layers):
        name = f"encoder.layer.{number}"
        packed = graph.product(states, f"{name}.attention.qkv_proj", shape.hidden, 3 * shape.hidden)
        packed = graph.add(packed, f"{name}.attention.qkv_proj.bias", 3 * shape.hidden)
        attended = rotary_attend(graph, packed, f"{name}.attention", shape.heads, rotary)
        states = add_norm(
            graph, attended, states, f"{name}.attention.o_proj", f"{name}.attn_ln", shape
        )
        halves = f"{name}.mlp.up_gate_proj"
        weight = graph.weights.get(f"{halves}.weight", 2 * shape.inner, shape.hidden)
        up, gate = weight[: shape.inner], weight[shape.inner :]
        inner = gated(graph, states, halves, shape.activation, gate, up)
        states = add_norm(
            graph,
            inner,
            states,
            f"{name}.mlp.down_proj",
            f"{name}.mlp_ln",
            shape,
            width=shape.inner,
        )
    return states


def _frequencies(config: Config, shape: Shape) -> NDArray[np.float64]:
    """Return the rotations, which NTK scaling slows down for texts longer than those trained with."""
    size, base = shape.hidden // shape.heads, config.number("rope_theta", 10_000)
    scaling = Config(config.path, config.object("rope_scaling"))
    if not scaling.values:
        return frequencies(size, base)
    if scaling.text("type") != "ntk" or scaling.values.get("mixed_b") is not None:
        raise config.wrong("rope_scaling", 'null or of type "ntk" without mixed_b')
    factor = scaling.number("factor")
    slowed: NDArray[np.float64] = frequencies(size, base * factor) / factor ** (2 / size)
    return slowed
