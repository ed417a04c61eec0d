"""The direct converter: config.json and weights → a fused ONNX graph, with `onnx` alone."""

import onnx

from export.architectures import ARCHITECTURES
from export.graph import Graph
from export.pooling import attach_tail
from export.sentence import SentenceConfig
from export.weights import Weights


def unsupported(sentence: SentenceConfig) -> str | None:
    """Say what in config.json the direct converter can't convert; None if it can convert all."""
    architecture = ARCHITECTURES.get(sentence.architecture)
    if architecture is None:
        return f"model_type {sentence.architecture!r}"
    return architecture.hindrance(sentence.config)


def convert(sentence: SentenceConfig) -> onnx.ModelProto:
    """Build the fp32 graph of a sentence encoder.

    Inputs `input_ids` and `attention_mask`, int32 [batch, tokens], padded on the right; output
    `sentence_embedding`, float32 [batch, dimension].

    Raises:
        ModelError: configuration or weights are broken, or don't fit each other.
    """
    architecture = ARCHITECTURES[sentence.architecture]
    graph = Graph(Weights.open(sentence.transformer, architecture.prefix))
    states = architecture.build(graph, sentence.config, sentence.max_tokens)
    model = graph.model()
    attach_tail(model, states, sentence)
    return model
