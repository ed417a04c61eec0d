"""Outlier channels: a few values of each token state that are far larger than the others.

int8 has one range for all values of a state, and outliers leave little of it for the rest. Here they
are divided by a factor, and the rows of the weight they meet are multiplied with it: the product stays
what it was, and rounding loses less. Source: SmoothQuant, arXiv:2211.10438, for outliers alone.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export.pooling import PREFIX

# How many times the median a channel may reach before it counts as an outlier.
REACH = 4.0
PRODUCTS = ("MatMul", "Attention")


def balance(model: onnx.ModelProto, samples: Sequence[Sequence[int]]) -> onnx.ModelProto:
    """Return the graph with outliers balanced in front of each product with a weight.

    `samples` are token ids of texts; their states show which channels are outliers.
    """
    balanced = onnx.ModelProto()
    balanced.CopyFrom(model)
    graph = balanced.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    reached = _reach(balanced, samples)
    nodes = []
    for node in graph.node:
        if node.name in reached:
            nodes.append(_divide(graph, node, weights[node.input[1]], reached[node.name]))
        nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    return balanced


def products(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that multiply states with a weight, which int8 is made of."""
    weights = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        product = node.op_type in PRODUCTS and node.input[1] in weights
        if product and not node.name.startswith(PREFIX):
            yield node


def _reach(
    model: onnx.ModelProto, samples: Sequence[Sequence[int]]
) -> dict[str, NDArray[np.float32]]:
    """Return the greatest magnitude of each channel before each product that sees outliers."""
    import onnxruntime

    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    places = {node.name: node.input[0] for node in products(model.graph)}
    states = sorted(set(places.values()))
    del probe.graph.output[:]
    for name in states:
        sizes = helper.make_node("Abs", [name], [f"{name}.size"])
        probe.graph.node.extend([sizes, _greatest(probe, name)])
        shape = helper.make_tensor_value_info(f"{name}.most", TensorProto.FLOAT, None)
        probe.graph.output.append(shape)
    content = probe.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    kind = np.int64 if session.get_inputs()[0].type == "tensor(int64)" else np.int32
    found = [np.zeros(1, np.float32)] * len(states)
    for ids in samples:
        tokens = np.array([ids], kind)
        feed = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        found = list(map(np.maximum, found, session.run(None, feed)))
    highest = dict(zip(states, found, strict=True))
    reached = {name: highest[state] for name, state in places.items()}
    return {name: row for name, row in reached.items() if row.max() > REACH * np.median(row) > 0}


def _greatest(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    """Return the node that takes the greatest of `name`.size over texts and tokens."""
    opset = max(each.version for each in model.opset_import if not each.domain)
    made = [f"{name}.size"], [f"{name}.most"]
    if opset < 18:
        return helper.make_node("ReduceMax", *made, axes=[0, 1], keepdims=0)
    axes = numpy_helper.from_array(np.array([0, 1]), f"{name}.axes")
    model.graph.initializer.append(axes)
    return helper.make_node("ReduceMax", [*made[0], axes.name], made[1], keepdims=0)


def _divide(
    graph: onnx.GraphProto,
    node: onnx.NodeProto,
    weight: onnx.TensorProto,
    reached: NDArray[np.float32],
) -> onnx.NodeProto:
    """Let `node` multiply balanced states with a weight to match; return the node in front of it."""
    factors = np.maximum(reached / (REACH * np.median(reached)), 1).astype(np.float32)
    rows = numpy_helper.to_array(weight) * factors[:, None]
    names = [f"{node.name}.{part}" for part in ("balanced", "shrink", "weight")]
    balanced, shrink, name = names
    graph.initializer.append(numpy_helper.from_array(1 / factors, shrink))
    graph.initializer.append(numpy_helper.from_array(rows, name))
    before = helper.make_node("Mul", [node.input[0], shrink], [balanced], balanced)
    node.input[0], node.input[1] = balanced, name
    return before
