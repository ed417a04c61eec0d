"""DistilBERT: a BERT of fewer layers under other names."""

from export.architectures.blocks import LayerNames, Shape, embed, layer, read_heads
from export.config import Config
from export.graph import Graph


def build(graph: Graph, config: Config, _tokens: int) -> str:
    """Return the token states."""
    hidden = config.whole("dim")
    shape = Shape(
        hidden=hidden,
        inner=config.whole("hidden_dim"),
        layers=config.whole("n_layers"),
        heads=read_heads(config, "n_heads", hidden),
        epsilon=1e-12,
        activation=config.text("activation", "gelu"),
    )
    states = embed(graph, hidden, shape.epsilon)
    for number in range(shape.layers):
        states = layer(graph, states, _names(f"transformer.layer.{number}"), shape)
    return states


def _names(name: str) -> LayerNames:
    return LayerNames(
        attention=f"{name}.attention.scores",
        query=f"{name}.attention.q_lin",
        key=f"{name}.attention.k_lin",
        value=f"{name}.attention.v_lin",
        attended=f"{name}.attention.out_lin",
        attended_norm=f"{name}.sa_layer_norm",
        inner=f"{name}.ffn.lin1",
        outer=f"{name}.ffn.lin2",
        outer_norm=f"{name}.output_layer_norm",
    )
