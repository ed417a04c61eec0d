"""ALBERT: narrow word embeddings, and layers that share their weights."""

from export.architectures.blocks import LayerNames, Shape, embed, layer
from export.config import Config
from export.graph import Graph


def build(graph: Graph, config: Config, _tokens: int) -> str:
    """Return the token states."""
    shape = Shape.read(config)
    width = config.whole("embedding_size", 128)
    groups, inner = config.whole("num_hidden_groups", 1), config.whole("inner_group_num", 1)
    states = embed(graph, width, shape.epsilon)
    name = "encoder.embedding_hidden_mapping_in"
    states = graph.product(states, name, width, shape.hidden)
    states = graph.add(states, f"{name}.bias", shape.hidden)
    for number in range(shape.layers):
        group = number * groups // shape.layers
        for part in range(inner):
            graph.scope = f"layer.{number}.{part}/"
            prefix = f"encoder.albert_layer_groups.{group}.albert_layers.{part}"
            states = layer(graph, states, _names(prefix), shape)
    graph.scope = ""
    return states


def _names(name: str) -> LayerNames:
    return LayerNames(
        attention=f"{name}.attention.scores",
        query=f"{name}.attention.query",
        key=f"{name}.attention.key",
        value=f"{name}.attention.value",
        attended=f"{name}.attention.dense",
        attended_norm=f"{name}.attention.LayerNorm",
        inner=f"{name}.ffn",
        outer=f"{name}.ffn_output",
        outer_norm=f"{name}.full_layer_layer_norm",
    )
