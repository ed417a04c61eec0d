"""BERT, RoBERTa, XLM-RoBERTa, CamemBERT and ELECTRA."""

from export.architectures.blocks import LayerNames, Shape, embed, layer
from export.config import Config
from export.graph import Graph


def build(graph: Graph, config: Config, _tokens: int) -> str:
    """Return the token states of a BERT."""
    return _layers(graph, config, first=0)


def build_after_padding(graph: Graph, config: Config, _tokens: int) -> str:
    """Return the token states of a RoBERTa, whose positions are counted from the padding's on."""
    return _layers(graph, config, first=config.whole("pad_token_id", 1, least=0) + 1)


def _layers(graph: Graph, config: Config, first: int) -> str:
    shape = Shape.read(config)
    width = config.whole("embedding_size", shape.hidden)
    states = embed(graph, width, shape.epsilon, first=first)
    if width != shape.hidden:  # a small ELECTRA
        states = graph.product(states, "embeddings_project", width, shape.hidden)
        states = graph.add(states, "embeddings_project.bias", shape.hidden)
    for number in range(shape.layers):
        states = layer(graph, states, layer_names(f"encoder.layer.{number}"), shape)
    return states


def layer_names(name: str) -> LayerNames:
    """Return the names of BERT's layer `name`."""
    return LayerNames(
        attention=f"{name}.attention",
        query=f"{name}.attention.self.query",
        key=f"{name}.attention.self.key",
        value=f"{name}.attention.self.value",
        attended=f"{name}.attention.output.dense",
        attended_norm=f"{name}.attention.output.LayerNorm",
        inner=f"{name}.intermediate.dense",
        outer=f"{name}.output.dense",
        outer_norm=f"{name}.output.LayerNorm",
    )
