"""DeBERTa v2 and v3: attention that also scores contents against relative positions."""

from export.architectures.bert import layer_names
from export.architectures.blocks import Shape, add_norm, feed_forward
from export.architectures.deberta_positions import RelativePositions
from export.config import Config
from export.graph import Graph

SEGMENTS = "embeddings.token_type_embeddings.weight"


def build(graph: Graph, config: Config, tokens: int) -> str:
    """Return the token states."""
    shape = Shape.read(config)
    positions = RelativePositions.read(graph, config, shape, tokens)
    states = _embed(graph, config, shape)
    for number in range(shape.layers):
        names = layer_names(f"encoder.layer.{number}")
        attended = positions.attend(states, f"encoder.layer.{number}.attention")
        states = add_norm(graph, attended, states, names.attended, names.attended_norm, shape)
        states = feed_forward(graph, states, names, shape)
    return states


def _embed(graph: Graph, config: Config, shape: Shape) -> str:
    width, get = config.whole("embedding_size", shape.hidden), graph.weights.get
    words = get("embeddings.word_embeddings.weight")
    if SEGMENTS in graph.weights and not graph.pairs:
        words = words + get(SEGMENTS)[0]
    states = graph.node("Gather", [graph.constant("words", words), "input_ids"], "embeddings")
    if graph.pairs:
        segment = graph.node("Gather", [graph.load(SEGMENTS), "token_type_ids"], "segments")
        states = graph.node("Add", [states, segment], "embeddings.segments")
    if width != shape.hidden:
        states = graph.product(states, "embeddings.embed_proj", width, shape.hidden)
    return graph.norm(states, "embeddings.LayerNorm", shape.hidden, shape.epsilon)
