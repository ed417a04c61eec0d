"""`--from-onnx`: files as others write them give the vectors that the weights give."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.pipeline import export_model
from export.pooling import OUTPUT
from handler.bundle import ModelFiles
from handler.errors import ModelError
from tests.export.encode import run
from tests.export.tiny import vocabulary, write_bert, write_json

IDS = [[2, 90, 91, 92, 3], [2, 100, 3], [2, *range(50, 90), 3]]
ONNX = "onnx/model.onnx"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bert(tmp_path / "model")


def foreign(
    folder: Path, *, outputs: tuple[str, ...], integers: int = TensorProto.INT64
) -> onnx.ModelProto:
    """Return the model as others export it: other input types and segments, and these outputs."""
    bundle = folder.parent / "direct"
    export_model(str(folder), bundle, precision="fp32")
    model = onnx.load(bundle / ModelFiles.ENCODER)
    graph = model.graph
    names = ("input_ids", "attention_mask", "token_type_ids")
    shape: list[str | int | None] = ["batch", "tokens"]
    del graph.input[:]
    graph.input.extend(helper.make_tensor_value_info(name, integers, shape) for name in names)
    for node in graph.node:
        node.input[:] = [f"{name}.own" if name in names else name for name in node.input]
    casts = [
        helper.make_node("Cast", [name], [f"{name}.own"], f"{name}.own", to=TensorProto.INT32)
        for name in names[:2]
    ]
    nodes = [*casts, *graph.node]
    states = next(
        node.output[0] for node in graph.node if node.name == "encoder.layer.1.output.norm"
    )
    del graph.node[:], graph.output[:]
    graph.node.extend(nodes)
    zeros = helper.make_node(
        "Cast", ["token_type_ids"], ["segments"], "segments", to=TensorProto.FLOAT
    )
    graph.node.append(zeros)
    made: dict[str, tuple[str, list[str | int | None]]] = {
        "last_hidden_state": (states, ["batch", "tokens", 32]),
        OUTPUT: (OUTPUT, ["batch", 32]),
        "segments": ("segments", shape),
    }
    for name in outputs:
        source, sizes = made[name]
        if source != name:
            graph.node.append(helper.make_node("Identity", [source], [name], name))
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes))
    return model


def write(folder: Path, model: onnx.ModelProto, **options: Any) -> None:
    (folder / "onnx").mkdir(exist_ok=True)
    onnx.save(model, folder / ONNX, **options)


def vectors(folder: Path, **options: Any) -> Any:
    bundle = folder.parent / "bundle"
    report = export_model(str(folder), bundle, from_onnx=ONNX, **options)
    return report, run(bundle, IDS)


@pytest.mark.parametrize("external", [False, True], ids=["inside", "external data"])
@pytest.mark.parametrize(
    "outputs",
    [("last_hidden_state", OUTPUT), (OUTPUT,), ("segments", "last_hidden_state")],
    ids=["tokens and pooled", "pooled", "tokens last"],
)
@pytest.mark.parametrize("integers", [TensorProto.INT32, TensorProto.INT64])
def test_vectors_are_those_of_the_weights(
    folder: Path, outputs: tuple[str, ...], external: bool, integers: int
) -> None:
    model = foreign(folder, outputs=outputs, integers=integers)
    options = {"save_as_external_data": True, "location": "model.onnx_data", "size_threshold": 0}
    write(folder, model, **(options if external else {}))
    (folder / "model.safetensors").unlink()  # not needed
    report, found = vectors(folder, precision="fp32")
    assert np.allclose(found, run(folder.parent / "direct", IDS), atol=1e-5)
    assert (report.manifest.converter, report.manifest.precision) == ("onnx", "fp32")
    assert report.manifest.source["onnx"] == ONNX


def test_it_is_quantized_and_judged(folder: Path) -> None:
    write(folder, foreign(folder, outputs=("last_hidden_state",)))
    report, found = vectors(folder, precision="int8")
    agree = np.einsum("td,td->t", found, run(folder.parent / "direct", IDS))
    assert agree.min() > 0.97
    assert 0.8 <= report.manifest.parity["agreement"] < 1
    nodes = onnx.load(report.folder / ModelFiles.ENCODER).graph.node
    assert {"DynamicQuantizeMatMul", "QAttention"} <= {node.op_type for node in nodes}


def test_quantized_files_stay_as_they_are(folder: Path) -> None:
    export_model(str(folder), folder.parent / "int8", min_agreement=0)
    model = onnx.load(folder.parent / "int8" / ModelFiles.ENCODER)
    write(folder, model)
    report, found = vectors(folder)
    assert np.allclose(found, run(folder.parent / "int8", IDS), atol=1e-6)
    assert report.manifest.precision == "given"
    assert "taken as it is" in report.notes[-1]


def test_half_precision_is_read(folder: Path) -> None:
    model = foreign(folder, outputs=("last_hidden_state",))
    words = next(
        tensor for tensor in model.graph.initializer if tensor.dims[0] == len(vocabulary())
    )
    half = numpy_helper.from_array(numpy_helper.to_array(words).astype(np.float16), words.name)
    users = [node for node in model.graph.node if words.name in node.input]
    words.CopyFrom(half)
    wide = helper.make_node("Cast", [words.name], ["wide"], "wide", to=TensorProto.FLOAT)
    for node in users:
        node.input[:] = ["wide" if name == words.name else name for name in node.input]
    model.graph.node.insert(0, wide)
    write(folder, model)
    report, found = vectors(folder)
    assert np.allclose(found, run(folder.parent / "direct", IDS), atol=0.01)
    assert report.manifest.precision == "given"


def spoil(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return the model with one thing wrong."""
    graph = model.graph
    if name == "input":
        graph.input[2].name = "pixel_values"
        graph.node[-2].input[0] = "pixel_values"
    elif name == "types":
        graph.input[1].type.tensor_type.elem_type = TensorProto.INT32
    elif name == "opset":
        model.opset_import[0].version = 11
    elif name == "fixed":
        for value in graph.input:
            value.type.tensor_type.shape.dim[1].dim_value = 7
    elif name == "outputs":
        del graph.output[:]
        shape = ["batch", "tokens"]
        graph.output.append(helper.make_tensor_value_info("segments", TensorProto.FLOAT, shape))
    return model


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("input", "wants the input 'pixel_values'"),
        ("types", "not all int32 or all int64"),
        ("opset", "operators of version 11, 13 at least"),
        ("fixed", "can't read a text of 3 tokens"),
        ("outputs", r"neither token states of 32 values nor embeddings of 32.*segments \[1, 7\]"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, fault: str, problem: str) -> None:
    write(folder, spoil(foreign(folder, outputs=("last_hidden_state",)), fault))
    with pytest.raises(ModelError, match=rf"model\.onnx .*{problem}"):
        vectors(folder)
    assert not (folder.parent / "bundle").exists()


def test_missing_and_damaged_files(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no file 'onnx/model.onnx'; it has no ONNX files"):
        vectors(folder)
    with pytest.raises(ModelError, match="'owner/name' is none; download the model"):
        export_model("owner/name", tmp_path / "bundle", from_onnx=ONNX)
    (folder / "onnx").mkdir()
    for content in (b"", b"PK no graph", b"\x08\x08"):
        (folder / ONNX).write_bytes(content)
        with pytest.raises(ModelError, match="is no ONNX file"):
            vectors(folder)
    with pytest.raises(ModelError, match=r"no file '\.\./direct.*it has onnx/model\.onnx"):
        export_model(str(folder), tmp_path / "bundle", from_onnx="../direct/encoder.onnx")


def test_external_data_stays_in_its_folder(folder: Path) -> None:
    model = foreign(folder, outputs=("last_hidden_state",))
    options = {"save_as_external_data": True, "location": "data", "size_threshold": 0}
    write(folder, model, **options)
    (folder / "onnx/data").rename(folder / "data")
    with pytest.raises(ModelError, match="weights in 'data', which is missing"):
        vectors(folder)
    content = (folder / ONNX).read_bytes()
    assert content.count(b"\x04data") > 0
    broken = onnx.load(folder / ONNX, load_external_data=False)
    for tensor in broken.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../data"
    (folder / ONNX).write_bytes(broken.SerializeToString())
    with pytest.raises(ModelError, match=r"outside of its folder, in '\.\./data'"):
        vectors(folder)


def test_other_files_of_the_folder_still_count(folder: Path) -> None:
    write(folder, foreign(folder, outputs=("last_hidden_state",)))
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"query": "q: "}})
    report, _ = vectors(folder, max_tokens=20, dimension=8, precision="fp32")
    assert report.manifest.prompts["query"] == "q: "
    assert (report.manifest.max_tokens, report.manifest.dimension) == (20, 8)
