"""fp32 graph → int8 graph: matrix products through ONNX Runtime, embedding tables row by row."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export import CpuTarget
from export.pooling import PREFIX
from handler.errors import ModelError

# Weights of 7 bits keep the sums of 8-bit products from saturating on x86 without VNNI.
REDUCE_RANGE: dict[CpuTarget, bool] = {"portable": True, "x86-vnni": False, "arm64": False}
_TABLE_ROWS = 1024


def quantize(model: onnx.ModelProto, target: CpuTarget, to: Path) -> None:
    """Write an int8 version of `model`: signed weights per channel, activations quantized at run time.

    Embedding tables get a scale for each row; pooling and normalisation stay fp32. The same model gives the
    same bytes every time.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    small = onnx.ModelProto()
    small.CopyFrom(model)
    _expand_embeddings(small.graph)
    _quantize_tables(small.graph)
    add_pre_process_metadata(small)  # fused already: without this mark it advises to pre-process
    with TemporaryDirectory() as scratch:
        plain, fused = Path(scratch) / "plain.onnx", Path(scratch) / "fused.onnx"
        quantize_dynamic(
            small,
            plain,
            op_types_to_quantize=["Attention", "MatMul"],
            nodes_to_exclude=[
                node.name for node in small.graph.node if node.name.startswith(PREFIX)
            ],
            per_channel=True,
            reduce_range=REDUCE_RANGE[target],
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
        fuse(plain, fused)
        shutil.copyfile(fused, to)


def fuse(model: Path, to: Path) -> None:
    """Let ONNX Runtime join the steps of `model`, as it would at every start otherwise.

    The extended level is the highest whose result runs on any CPU.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(to)
    try:
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except (
        Exception
    ) as cause:  # ONNX Runtime has no OSError for a full disk, only errors of its own
        raise ModelError(
            f"ONNX Runtime cannot write {to}: {cause}; see whether the disk is full"
        ) from cause


def fused(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with the steps that ONNX Runtime can do at once as one node each."""
    with TemporaryDirectory() as scratch:
        plain, joined = Path(scratch) / "plain.onnx", Path(scratch) / "joined.onnx"
        onnx.save(model, plain)
        fuse(plain, joined)
        return onnx.load(joined)


def _expand_embeddings(graph: onnx.GraphProto) -> None:
    """Take EmbedLayerNormalization apart, whose own quantized form has one scale for a whole table."""
    node = next((node for node in graph.node if node.op_type == "EmbedLayerNormalization"), None)
    if node is None:
        return
    ids, types, words, positions, segments, gamma, beta = node.input
    graph.initializer.append(numpy_helper.from_array(np.array([0]), "embeddings.zero"))
    parts = [
        helper.make_node("Gather", [words, ids], ["embeddings.words"], "embeddings.words"),
        helper.make_node(
            "Shape", [ids], ["embeddings.tokens"], "embeddings.tokens", start=1, end=2
        ),
        helper.make_node(
            "Slice",
            [positions, "embeddings.zero", "embeddings.tokens", "embeddings.zero"],
            ["embeddings.positions"],
            "embeddings.positions",
        ),
        *_add_segments(types, segments),
        helper.make_node(
            "SkipLayerNormalization",
            [
                "embeddings.sum" if segments else "embeddings.words",
                "embeddings.positions",
                gamma,
                beta,
            ],
            node.output[:1],
            node.name,
            domain="com.microsoft",
            epsilon=helper.get_node_attr_value(node, "epsilon"),
        ),
    ]
    _replace(graph, node, parts)


def _add_segments(types: str, segments: str) -> list[onnx.NodeProto]:
    """Add the embeddings of segments to those of words, if the graph reads pairs of texts."""
    if not segments:
        return []
    rows = "embeddings.segments"
    return [
        helper.make_node("Gather", [segments, types], [rows], rows),
        helper.make_node("Add", ["embeddings.words", rows], ["embeddings.sum"], "embeddings.sum"),
    ]


def _quantize_tables(graph: onnx.GraphProto) -> None:
    """Store every large table that tokens are looked up in as int8 rows, each with its scale."""
    for table in [tensor for tensor in graph.initializer if _is_table(tensor)]:
        users = [node for node in graph.node if table.name in node.input]
        if any(node.op_type != "Gather" for node in users):
            continue
        rows, scales = quantize_rows(numpy_helper.to_array(table))
        graph.initializer.append(numpy_helper.from_array(rows, f"{table.name}.int8"))
        graph.initializer.append(numpy_helper.from_array(scales, f"{table.name}.scale"))
        graph.initializer.remove(table)
        for node in users:
            _replace(graph, node, _look_up(node))


def _is_table(tensor: onnx.TensorProto) -> bool:
    return (
        tensor.data_type == TensorProto.FLOAT
        and len(tensor.dims) == 2
        and tensor.dims[0] >= _TABLE_ROWS
    )


def _look_up(gather: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Do what `gather` does with the table's int8 rows and their scales."""
    (table, ids), name = gather.input, gather.name
    return [
        helper.make_node("Gather", [f"{table}.int8", ids], [f"{name}.int8"], f"{name}.int8"),
        helper.make_node("Gather", [f"{table}.scale", ids], [f"{name}.scale"], f"{name}.scale"),
        helper.make_node(
            "Cast", [f"{name}.int8"], [f"{name}.cast"], f"{name}.cast", to=TensorProto.FLOAT
        ),
        helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], gather.output, name),
    ]


def quantize_rows(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Split `table` [rows, width] into int8 [rows, width] and scales [rows, 1] whose product is close to it."""
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, np.finfo(np.float32).tiny)
    return np.rint(table / scales).astype(np.int8), scales.astype(np.float32)


def _replace(graph: onnx.GraphProto, node: onnx.NodeProto, parts: list[onnx.NodeProto]) -> None:
    place = next(number for number, other in enumerate(graph.node) if other == node)
    nodes = [*graph.node[:place], *parts, *graph.node[place + 1 :]]
    del graph.node[:]
    graph.node.extend(nodes)
