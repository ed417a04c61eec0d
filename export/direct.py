"""The direct converter: config.json and safetensors → a fused ONNX graph, with `onnx` alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export.pooling import attach_tail
from export.sentence import SentenceConfig, position_offset
from export.weights import Weights
from handler.errors import ModelError

OPSET = 17
IR_VERSION = 8
MODEL_TYPES = ("bert", "roberta", "xlm-roberta", "camembert")
# The exact GELU, its tanh approximation under three names, and ReLU.
ACTIVATIONS = {
    "gelu": "BiasGelu",
    "gelu_python": "BiasGelu",
    "gelu_new": "FastGelu",
    "gelu_fast": "FastGelu",
    "gelu_pytorch_tanh": "FastGelu",
    "relu": "Relu",
}
_SUPPORTED: dict[str, tuple[Any, ...]] = {
    "model_type": MODEL_TYPES,
    "hidden_act": tuple(ACTIVATIONS),
    "position_embedding_type": ("absolute",),
    "is_decoder": (False,),
}


def unsupported(config: Mapping[str, Any]) -> str | None:
    """Say what in this config.json the direct converter can't convert; None if it can convert all."""
    for key, values in _SUPPORTED.items():
        value = config.get(key, values[0] if key != "model_type" else None)
        if value not in values:
            return f"{key} {value!r}"
    return None


def convert(sentence: SentenceConfig, weights: Weights) -> onnx.ModelProto:
    """Build the fp32 graph of a BERT sentence encoder.

    Inputs `input_ids` and `attention_mask`, int32 [batch, tokens], padded on the right; output
    `sentence_embedding`, float32 [batch, dimension].
    """
    builder = _Builder(_Shape.read(sentence.config), weights)
    states = builder.embeddings()
    for number in range(builder.shape.layers):
        states = builder.layer(number, states)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    graph = helper.make_graph(builder.nodes, "encoder", inputs, [], builder.constants)
    attach_tail(graph, states, sentence)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="querytower"
    )


@dataclass(frozen=True, slots=True)
class _Shape:
    """The part of config.json that shapes the graph."""

    hidden: int
    inner: int
    layers: int
    heads: int
    epsilon: float
    activation: str
    first_position: int

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> "_Shape":
        try:
            shape = cls(
                hidden=int(config["hidden_size"]),
                inner=int(config["intermediate_size"]),
                layers=int(config["num_hidden_layers"]),
                heads=int(config["num_attention_heads"]),
                epsilon=float(config.get("layer_norm_eps", 1e-12)),
                activation=ACTIVATIONS[config.get("hidden_act", "gelu")],
                first_position=position_offset(config),
            )
        except KeyError as cause:
            raise ModelError(f"config.json has no {cause}; it does not describe a BERT") from cause
        if shape.hidden % shape.heads:
            raise ModelError(
                f"config.json gives {shape.heads} heads for {shape.hidden} dimensions; not a BERT"
            )
        return shape


class _Builder:
    """Collects the nodes and constants of the graph, layer by layer."""

    def __init__(self, shape: _Shape, weights: Weights) -> None:
        self.shape = shape
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._weights = weights

    def embeddings(self) -> str:
        """Sum of word and position embeddings, normalised; every token is of segment 0."""
        get = self._weights.get
        positions = get("embeddings.position_embeddings.weight")[self.shape.first_position :]
        segment = get("embeddings.token_type_embeddings.weight")[0]
        inputs = [
            "input_ids",
            "",
            self._constant("words", get("embeddings.word_embeddings.weight")),
            self._constant("positions", positions + segment),
            "",
            *self._norm("embeddings.LayerNorm"),
        ]
        states = self._fused(
            "EmbedLayerNormalization", inputs, "embeddings", epsilon=self.shape.epsilon
        )
        self.nodes[-1].output.append("embeddings.mask")  # unused, but ONNX Runtime insists on it
        return states

    def layer(self, number: int, states: str) -> str:
        """Self-attention, then the feed-forward network; each is added to its input and normalised."""
        name = f"encoder.layer.{number}"
        weight, bias = self._query_key_value(f"{name}.attention.self")
        inputs = [states, weight, bias, "attention_mask"]
        attended = self._fused("Attention", inputs, f"{name}.attention", num_heads=self.shape.heads)
        states = self._add_norm(attended, states, f"{name}.attention.output", self.shape.hidden)
        return self._add_norm(
            self._activate(states, f"{name}.intermediate.dense"),
            states,
            f"{name}.output",
            self.shape.inner,
        )

    def _query_key_value(self, name: str) -> tuple[str, str]:
        get, hidden = self._weights.get, self.shape.hidden
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([get(f"{part}.weight", hidden, hidden).T for part in parts], axis=1)
        bias = np.concatenate([get(f"{part}.bias", hidden) for part in parts])
        return self._constant(f"{name}.weight", weight), self._constant(f"{name}.bias", bias)

    def _add_norm(self, tensor: str, residual: str, name: str, width: int) -> str:
        product = self._matmul(tensor, f"{name}.dense", width, self.shape.hidden)
        bias = self._load(f"{name}.dense.bias", self.shape.hidden)
        inputs = [product, residual, *self._norm(f"{name}.LayerNorm"), bias]
        return self._fused(
            "SkipLayerNormalization", inputs, f"{name}.norm", epsilon=self.shape.epsilon
        )

    def _activate(self, tensor: str, name: str) -> str:
        product = self._matmul(tensor, name, self.shape.hidden, self.shape.inner)
        inputs = [product, self._load(f"{name}.bias", self.shape.inner)]
        if self.shape.activation == "Relu":
            return self._node(
                "Relu", [self._node("Add", inputs, f"{name}.sum")], f"{name}.activation"
            )
        return self._fused(self.shape.activation, inputs, f"{name}.activation")

    def _matmul(self, tensor: str, name: str, width: int, height: int) -> str:
        weight = self._weights.get(f"{name}.weight", height, width).T
        return self._node(
            "MatMul", [tensor, self._constant(f"{name}.weight", weight)], f"{name}.product"
        )

    def _norm(self, name: str) -> list[str]:
        return [self._load(f"{name}.{part}", self.shape.hidden) for part in ("weight", "bias")]

    def _load(self, name: str, *shape: int) -> str:
        return self._constant(name, self._weights.get(name, *shape))

    def _constant(self, name: str, value: NDArray[np.float32]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _fused(self, operator: str, inputs: Sequence[str], name: str, **attributes: float) -> str:
        return self._node(operator, inputs, name, domain="com.microsoft", **attributes)

    def _node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name
