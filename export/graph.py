"""An ONNX graph under construction: nodes, constants, and the few steps that all encoders share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export.weights import Weights

OPSET = 17
IR_VERSION = 8
FUSED = "com.microsoft"  # the domain of ONNX Runtime's own fused operators
# The exact GELU, its tanh approximation under three names, ReLU and SiLU.
ACTIVATIONS = {
    "gelu": "Gelu",
    "gelu_python": "Gelu",
    "gelu_new": "FastGelu",
    "gelu_fast": "FastGelu",
    "gelu_pytorch_tanh": "FastGelu",
    "relu": "Relu",
    "silu": "QuickGelu",
}


class Graph:
    """Collects nodes and constants.

    Tensors are read from `weights` and keep their names there; a constant that is used twice is
    stored once. `scope` is put before the names of nodes, so that layers can share weights.
    A graph that reads pairs of texts has the input token_type_ids.
    """

    def __init__(self, weights: Weights, *, pairs: bool = False) -> None:
        self.weights = weights
        self.pairs = pairs
        self.scope = ""
        self.nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def model(self) -> onnx.ModelProto:
        """Return the graph, without outputs, as a model with int32 inputs [batch, tokens]."""
        inputs = ["input_ids", "attention_mask", *(["token_type_ids"] if self.pairs else [])]
        values = [
            helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "tokens"])
            for name in inputs
        ]
        graph = helper.make_graph(self.nodes, "encoder", values, [], list(self._constants.values()))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="querytower"
        )

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Store a constant, unless the name is taken already; return its name."""
        if name not in self._constants:
            tensor = numpy_helper.from_array(np.ascontiguousarray(value), name)
            self._constants[name] = tensor
        return name

    def load(self, name: str, *shape: int) -> str:
        """Store a tensor of the checkpoint, of the shape given, as a constant; return its name."""
        return self.constant(name, self.weights.get(name, *shape))

    def append(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> None:
        """Append a node with several outputs, of which some may be unnamed; the first names it."""
        node = helper.make_node(operator, inputs, outputs, outputs[0], **attributes)
        self.nodes.append(node)

    def node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Append a node with one output; return the output's name."""
        name = self.scope + name
        self.append(operator, inputs, [name], **attributes)
        return name

    def fused(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Append a node of one of ONNX Runtime's fused operators."""
        return self.node(operator, inputs, name, domain=FUSED, **attributes)

    def split(self, states: str, name: str, parts: int) -> list[str]:
        """Cut the last axis into equal parts."""
        names = [f"{self.scope}{name}.{number}" for number in range(parts)]
        self.append("Split", [states], names, axis=-1)
        return names

    def product(self, states: str, name: str, width: int, out: int) -> str:
        """Multiply states […, width] with the transposed weight `name`.weight [out, width]."""
        weight = self.weights.get(f"{name}.weight", out, width).T
        return self.multiply(states, name, weight)

    def multiply(self, states: str, name: str, weight: NDArray[np.float32]) -> str:
        """Multiply states […, width] with a matrix [width, out], stored as `name`.weight."""
        return self.node(
            "MatMul", [states, self.constant(f"{name}.weight", weight)], f"{name}.product"
        )

    def add(self, states: str, name: str, *shape: int) -> str:
        """Add a tensor of the checkpoint, such as a bias."""
        return self.node("Add", [states, self.load(name, *shape)], f"{name}.sum")

    def activate(self, states: str, activation: str, name: str, bias: str = "") -> str:
        """Apply an activation of ACTIVATIONS, after adding `bias` if there is one."""
        operator = ACTIVATIONS[activation]
        if operator in ("Gelu", "FastGelu") and bias:
            operator = "BiasGelu" if operator == "Gelu" else operator
            return self.fused(operator, [states, bias], f"{name}.activation")
        if bias:
            states = self.node("Add", [states, bias], f"{name}.sum")
        if operator == "Relu":
            return self.node(operator, [states], f"{name}.activation")
        attributes = {"alpha": 1.0} if operator == "QuickGelu" else {}
        return self.fused(operator, [states], f"{name}.activation", **attributes)

    def norm(self, states: str, name: str, width: int, epsilon: float, bias: bool = True) -> str:
        """Normalise each state over its `width` values."""
        inputs = [states, *self.norm_weights(name, width, bias)]
        return self.node("LayerNormalization", inputs, f"{name}.norm", epsilon=epsilon)

    def norm_weights(self, name: str, width: int, bias: bool = True) -> list[str]:
        """Load scale and, if there is one, shift of a layer normalisation."""
        parts = ("weight", "bias") if bias else ("weight",)
        return [self.load(f"{name}.{part}", width) for part in parts]
