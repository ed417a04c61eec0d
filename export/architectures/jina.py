"""Jina-BERT v2: a BERT with ALiBi instead of positions, and a gated feed-forward network."""

from export.architectures.bert import layer_names
from export.architectures.blocks import Shape, add_norm, attend, embed_words, gated
from export.architectures.positions import alibi, distance_bias
from export.config import Config
from export.graph import Graph
from handler.errors import ModelError

# feed_forward_type → activation of the gate.
GATES = {"geglu": "gelu", "reglu": "relu"}


def build(graph: Graph, config: Config, tokens: int) -> str:
    """Return the token states."""
    shape = Shape.read(config)
    if "encoder.layer.0.attention.self.layer_norm_q.weight" in graph.weights:
        raise ModelError(
            f"{config.path} describes a Jina-BERT that normalises queries and keys, which can't be "
            "converted; choose another model, see: querytower export --list"
        )
    states = embed_words(graph, "embeddings.LayerNorm", shape.hidden, shape.epsilon)
    bias = distance_bias(graph, alibi(shape.heads), tokens)
    for number in range(shape.layers):
        names = layer_names(f"encoder.layer.{number}")
        attended = attend(graph, states, names, shape, bias)
        states = add_norm(graph, attended, states, names.attended, names.attended_norm, shape)
        name = f"encoder.layer.{number}.mlp"
        weight = graph.weights.get(f"{name}.gated_layers.weight", 2 * shape.inner, shape.hidden)
        gate, up = weight[: shape.inner], weight[shape.inner :]
        activation = GATES[config.text("feed_forward_type", "geglu")]
        inner = gated(graph, states, f"{name}.gated_layers", activation, gate, up)
        states = add_norm(
            graph, inner, states, f"{name}.wo", f"{name}.layernorm", shape, width=shape.inner
        )
    return states
