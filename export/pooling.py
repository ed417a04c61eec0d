"""The end of every encoder graph: token states → one pooled, normalised sentence embedding."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.modules import Dense, LayerNorm, Normalize, Step, Truncate
from export.sentence import SentenceConfig

PREFIX = "sentence/"
OUTPUT = "sentence_embedding"


def attach_tail(model: onnx.ModelProto, states: str, sentence: SentenceConfig) -> None:
    """Append pooling, the steps after it and L2 normalisation; the result is the only output.

    `states` names the float32 [batch, tokens, hidden] tensor; the graph has an integer input
    `attention_mask`. The operators mean the same in every opset from 17 on.
    """
    tail = _Tail(model)
    vectors = tail.pool(states, sentence.poolings)
    steps = sentence.steps
    for step in steps[:-1] if steps[-1:] == (Normalize(),) else steps:
        vectors = tail.apply(vectors, step)
    tail.normalize(vectors, OUTPUT)
    _set_output(model, sentence.dimension)


def attach_normalization(model: onnx.ModelProto, vectors: str, dimension: int) -> None:
    """Append L2 normalisation to the float32 [batch, dimension] tensor `vectors`, the only output."""
    _Tail(model).normalize(vectors, OUTPUT)
    _set_output(model, dimension)


def _set_output(model: onnx.ModelProto, dimension: int) -> None:
    del model.graph.output[:]
    shape: list[str | int | None] = ["batch", dimension]
    model.graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shape))


class _Tail:
    """Adds nodes and constants to a graph; every name but the output's begins with PREFIX."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = model.graph
        self._opset = max(entry.version for entry in model.opset_import if not entry.domain)

    def pool(self, states: str, poolings: Sequence[str]) -> str:
        """Join the vectors of several poolings, or return that of one."""
        makers = {
            "cls": self.first_token,
            "max": self.maximum,
            "mean": self.mean,
            "mean_sqrt_len": self.mean_sqrt_len,
            "weightedmean": self.weighted_mean,
            "lasttoken": self.last_token,
        }
        vectors = [makers[name](states) for name in poolings]
        return vectors[0] if len(vectors) == 1 else self._node("Concat", *vectors, axis=1)

    def mean(self, states: str) -> str:
        """Average the states [batch, tokens, hidden] of the tokens that the mask admits."""
        column = self._column()
        total = self._sum(self._node("Mul", states, column))
        return self._node("Div", total, self._at_least_one(self._sum(column)))

    def mean_sqrt_len(self, states: str) -> str:
        """Divide the sum of the states by the root of their number."""
        column = self._column()
        total = self._sum(self._node("Mul", states, column))
        count = self._at_least_one(self._sum(column))
        return self._node("Div", total, self._node("Sqrt", count))

    def weighted_mean(self, states: str) -> str:
        """Average the states, each weighted with its place, counted from 1."""
        places = self._places(self._column())
        total = self._sum(self._node("Mul", states, places))
        return self._node("Div", total, self._at_least_one(self._sum(places)))

    def maximum(self, states: str) -> str:
        """Take the greatest of each value over the tokens that the mask admits."""
        column = self._node("Cast", self._column(), to=TensorProto.BOOL)
        masked = self._node("Where", column, states, self._constant(np.float32(-1e9)))
        if self._opset < 18:
            return self._node("ReduceMax", masked, axes=[1], keepdims=0)
        return self._node("ReduceMax", masked, self._constant([1]), keepdims=0)

    def first_token(self, states: str) -> str:
        """Take the state of the first token, CLS."""
        return self._node("Gather", states, self._constant(0), axis=1)

    def last_token(self, states: str) -> str:
        """Take the state of the last token that the mask admits."""
        column = self._column()
        count = self._sum(column, keepdims=1)
        last = self._node("Equal", self._places(column), count)
        chosen = self._node("Cast", last, to=TensorProto.FLOAT)
        return self._sum(self._node("Mul", states, chosen))

    def apply(self, vectors: str, step: Step) -> str:
        """Apply what follows the pooling to [batch, in]."""
        if isinstance(step, Dense):
            return self.dense(vectors, step)
        if isinstance(step, LayerNorm):
            return self.layer_norm(vectors, step)
        if isinstance(step, Truncate):
            return self.truncate(vectors, step.dimension)
        return self.normalize(vectors)

    def dense(self, vectors: str, layer: Dense) -> str:
        """Apply a fully connected layer to [batch, in]."""
        product = self._node("MatMul", vectors, self._constant(layer.weight.T))
        biased = self._node("Add", product, self._constant(layer.bias))
        if layer.activation is None:
            return biased
        domain = "com.microsoft" if layer.activation == "Gelu" else ""
        return self._node(layer.activation, biased, domain=domain)

    def layer_norm(self, vectors: str, layer: LayerNorm) -> str:
        """Normalise each vector over its values."""
        inputs = [vectors, self._constant(layer.weight), self._constant(layer.bias)]
        return self._node("LayerNormalization", *inputs, epsilon=1e-5)

    def truncate(self, vectors: str, dimension: int) -> str:
        """Keep the first values of [batch, in]."""
        bounds = [self._constant([number]) for number in (0, dimension, 1)]
        return self._node("Slice", vectors, *bounds)

    def normalize(self, vectors: str, output: str = "") -> str:
        """Scale [batch, dimension] to length 1."""
        squares = self._sum(self._node("Mul", vectors, vectors), keepdims=1)
        length = self._node("Max", self._node("Sqrt", squares), self._constant(np.float32(1e-12)))
        return self._node("Div", vectors, length, output=output)

    def _column(self) -> str:
        """Return the mask as float32 [batch, tokens, 1]."""
        mask = self._node("Cast", "attention_mask", to=TensorProto.FLOAT)
        return self._node("Unsqueeze", mask, self._constant([-1]))

    def _places(self, column: str) -> str:
        """Count the tokens of a mask [batch, tokens, 1] from 1; padding is 0."""
        return self._node("Mul", self._node("CumSum", column, self._constant(1)), column)

    def _at_least_one(self, count: str) -> str:
        return self._node("Max", count, self._constant(np.float32(1)))

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
