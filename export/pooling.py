"""The end of every encoder graph: token states → one pooled, normalised sentence embedding."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.sentence import Dense, SentenceConfig

PREFIX = "sentence/"
OUTPUT = "sentence_embedding"


def attach_tail(graph: onnx.GraphProto, states: str, sentence: SentenceConfig) -> None:
    """Append pooling, dense layers and L2 normalisation to `graph`, and make the result its only output.

    `states` names the float32 [batch, tokens, hidden] tensor; the graph has an integer input `attention_mask`.
    The operators mean the same in every opset from 13 on.
    """
    tail = _Tail(graph)
    vectors = tail.mean(states) if sentence.pooling == "mean" else tail.first_token(states)
    for layer in sentence.dense:
        vectors = tail.dense(vectors, layer)
    tail.normalize(vectors)
    del graph.output[:]
    shape: list[str | int | None] = ["batch", sentence.dimension]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shape))


class _Tail:
    """Adds nodes and constants to a graph; every name but the output's begins with PREFIX."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph

    def mean(self, states: str) -> str:
        """Average the states [batch, tokens, hidden] of the tokens that the attention mask admits."""
        mask = self._node("Cast", "attention_mask", to=TensorProto.FLOAT)
        column = self._node("Unsqueeze", mask, self._constant([-1]))
        total = self._sum(self._node("Mul", states, column))
        count = self._node("Max", self._sum(column), self._constant(np.float32(1)))
        return self._node("Div", total, count)

    def first_token(self, states: str) -> str:
        """Take the state of the first token, CLS, from [batch, tokens, hidden]."""
        return self._node("Gather", states, self._constant(0), axis=1)

    def dense(self, vectors: str, layer: Dense) -> str:
        """Apply a fully connected layer to [batch, in]."""
        product = self._node("MatMul", vectors, self._constant(layer.weight.T))
        biased = self._node("Add", product, self._constant(layer.bias))
        return self._node(layer.activation, biased) if layer.activation else biased

    def normalize(self, vectors: str) -> None:
        """Scale [batch, dimension] to length 1; this is the output."""
        squares = self._sum(self._node("Mul", vectors, vectors), keepdims=1)
        length = self._node("Max", self._node("Sqrt", squares), self._constant(np.float32(1e-12)))
        self._node("Div", vectors, length, output=OUTPUT)

    def _sum(self, tensor: str, keepdims: int = 0) -> str:
        """Sum over axis 1."""
        return self._node("ReduceSum", tensor, self._constant([1]), keepdims=keepdims)

    def _node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = f"{PREFIX}{operator}_{len(self._graph.node)}"
        self._graph.node.append(
            helper.make_node(operator, inputs, [output or name], name, **attributes)
        )
        return output or name

    def _constant(self, value: Sequence[int] | Any) -> str:
        name = f"{PREFIX}constant_{len(self._graph.initializer)}"
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name
