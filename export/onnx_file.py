"""An ONNX file of a model folder, as others exported it → a graph as ours: ids in, embedding out."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from export.optimum import drop_segments
from export.pooling import OUTPUT, attach_normalization, attach_tail
from export.sentence import SentenceConfig
from export.source import Source
from export.weights import MOST_BYTES
from handler.errors import ModelError
from handler.files import FileEntry

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
INTEGERS = {TensorProto.INT32: np.int32, TensorProto.INT64: np.int64}
# The operators of pooling mean the same from here on.
OLDEST_OPSET = 13
# Operators and types of files that are smaller than fp32 already.
QUANTIZED = ("Quantize", "Dequantize", "MatMulInteger", "MatMulNBits", "QLinear", "QAttention")
HALVES = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
# Two texts for a trial run, of which the lengths differ.
TRIALS = ([1, 2, 3, 4, 5, 6, 7], [3, 2, 1])


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxFile:
    """An ONNX file that was read: its graph with pooled output, and whether it stays as it is."""

    graph: onnx.ModelProto
    bytes: int
    as_it_is: bool


def find_onnx(model: str, name: str) -> Source:
    """Return the model folder `model` for its file `name`, such as onnx/model.onnx.

    Raises:
        ModelError: there is no such folder, or no such file in it.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise ModelError(
            f"--from-onnx reads a file of a folder, and {model!r} is none; download the model, and "
            "name its folder"
        )
    path = folder / name
    inside = path.resolve().is_relative_to(folder.resolve())
    if not inside or not path.is_file():
        there = sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*.onnx"))
        shown = f"it has {', '.join(there[:10])}" if there else "it has no ONNX files"
        raise ModelError(f"{folder} has no file {name!r}; {shown}")
    digests = [FileEntry.of(file).sha256 for file in (path, *_external_files(path))]
    digest = digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()
    origin = {"kind": "folder", "onnx": name, "weights_sha256": digest}
    return Source(folder.resolve().name, folder, origin)


def read_onnx(path: Path, sentence: SentenceConfig) -> OnnxFile:
    """Read a file, try it, and give it the pooling that the model's other files ask for.

    Of its outputs, token states are preferred, then embeddings that are pooled already. Files that
    are quantized, or of half precision, stay as they are.

    Raises:
        ModelError: the file is damaged or too large, wants other inputs, or has no such output.
    """
    size = sum(file.stat().st_size for file in (path, *_external_files(path)))
    if size > MOST_BYTES:
        raise ModelError(f"{path} has {size / 2**30:.1f} GiB; choose a smaller model")
    model = _load(path)
    load_external_data_for_model(model, str(path.parent))
    _upgrade(model, path)
    _prepare_inputs(model.graph, path)
    _free_output_name(model.graph)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    name, rank = _choose_output(model, sentence, path)
    kind = next(value for value in model.graph.output if value.name == name).type.tensor_type
    if kind.elem_type != TensorProto.FLOAT:
        wide = f"{name}.float"
        model.graph.node.append(
            helper.make_node("Cast", [name], [wide], wide, to=TensorProto.FLOAT)
        )
        name = wide
    if rank == 3:
        attach_tail(model, name, sentence)
    else:
        attach_normalization(model, name, sentence.dimension)
    return OnnxFile(graph=model, bytes=size, as_it_is=_is_small(model.graph))


def _load(path: Path) -> onnx.ModelProto:
    """Parse a file without its external data."""
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError) as cause:
        raise ModelError(f"{path} is no ONNX file: {cause}; fetch the model again") from cause
    if not model.graph.node:
        raise ModelError(f"{path} is no ONNX file: it has no nodes; fetch the model again")
    return model


def _external_files(path: Path) -> list[Path]:
    """List the files that hold the weights of `path`; all must be in its folder."""
    names = {
        entry.value
        for tensor in _load(path).graph.initializer
        if uses_external_data(tensor)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    for name in sorted(names):
        file = path.parent / name
        if not file.resolve().is_relative_to(path.parent.resolve()):
            raise ModelError(
                f"{path} has weights outside of its folder, in {name!r}; don't trust it"
            )
        if not file.is_file():
            raise ModelError(f"{path} has its weights in {name!r}, which is missing; fetch it too")
    return [path.parent / name for name in sorted(names)]


def _upgrade(model: onnx.ModelProto, path: Path) -> None:
    """Refuse graphs whose operators are older than those of pooling."""
    opset = max((each.version for each in model.opset_import if not each.domain), default=0)
    if opset < OLDEST_OPSET:
        raise ModelError(
            f"{path} has ONNX operators of version {opset}, {OLDEST_OPSET} at least are needed; "
            "leave out --from-onnx, or export the file again with a newer opset"
        )


def _prepare_inputs(graph: onnx.GraphProto, path: Path) -> None:
    """Leave the inputs input_ids and attention_mask, of the same integer type."""
    weights = {tensor.name for tensor in graph.initializer}
    inputs = {value.name: value for value in graph.input if value.name not in weights}
    strange = sorted(set(inputs) - set(INPUTS))
    if strange or "input_ids" not in inputs:
        problem = f"wants the input {strange[0]!r}" if strange else "has no input 'input_ids'"
        raise ModelError(
            f"{path} {problem}; only {', '.join(INPUTS)} are known: leave out --from-onnx"
        )
    kinds = {value.type.tensor_type.elem_type for value in inputs.values()}
    if len(kinds) > 1 or not kinds <= set(INTEGERS):
        raise ModelError(
            f"{path} has inputs that are not all int32 or all int64; leave out --from-onnx"
        )
    drop_segments(graph)
    if "attention_mask" not in inputs:
        value = helper.make_tensor_value_info("attention_mask", kinds.pop(), ["batch", "tokens"])
        graph.input.append(value)


def _free_output_name(graph: onnx.GraphProto) -> None:
    """Rename what has the name of our output already."""
    new = f"{OUTPUT}.given"
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == OUTPUT else name for name in names]
    for value in graph.output:
        value.name = new if value.name == OUTPUT else value.name


def _choose_output(model: onnx.ModelProto, sentence: SentenceConfig, path: Path) -> tuple[str, int]:
    """Return name and rank of the output to use, by the shapes that it has in a run."""
    first, second = (_try(model, ids, path) for ids in TRIALS)
    width = sentence.config.values.get("hidden_size", sentence.config.values.get("dim"))
    for name, states in first.items():
        lengths = (states.shape[:2], second[name].shape[:2])
        if lengths == ((1, len(TRIALS[0])), (1, len(TRIALS[1]))) and states.shape[2:] == (width,):
            return name, 3
    for name, vectors in first.items():
        # BERT's pooler_output is made for the next sentence, not for search.
        if vectors.shape == (1, sentence.dimension) and "pooler" not in name:
            return name, 2
    shown = ", ".join(f"{name} {list(each.shape)}" for name, each in first.items())
    raise ModelError(
        f"{path} gives neither token states of {width} values nor embeddings of "
        f"{sentence.dimension}, but for a text of {len(TRIALS[0])} tokens: {shown}; "
        "leave out --from-onnx"
    )


def _try(model: onnx.ModelProto, ids: list[int], path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the outputs for one text by name."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is said below
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        kind = INTEGERS[model.graph.input[0].type.tensor_type.elem_type]
        array = np.array([ids], kind)
        names = [value.name for value in session.get_outputs()]
        known = {value.name for value in session.get_inputs()}
        feed = {"input_ids": array, "attention_mask": np.ones_like(array)}
        found = session.run(names, {name: feed[name] for name in feed if name in known})
    except Exception as cause:  # ONNX Runtime has errors of its own
        reason = str(cause).strip().partition("\n")[0][:300]
        raise ModelError(
            f"{path} can't read a text of {len(ids)} tokens: {reason}; leave out --from-onnx, or "
            "export the file again with dynamic axes"
        ) from cause
    return dict(zip(names, found, strict=True))


def _is_small(graph: onnx.GraphProto) -> bool:
    """Tell whether the weights are quantized or of half precision."""
    halves = any(tensor.data_type in HALVES for tensor in graph.initializer)
    return halves or any(
        node.op_type.startswith(QUANTIZED) or "Integer" in node.op_type for node in graph.node
    )
