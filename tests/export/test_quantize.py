"""int8: what is quantized, how, and that the outcome is always the same."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export import CpuTarget, quantize
from export.pipeline import export_model
from export.quantize import quantize_rows
from handler.bundle import ModelFiles
from handler.errors import ModelError
from tests.export.tiny import CONFIG, write_bert


def test_each_row_of_a_table_has_its_scale() -> None:
    table = np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0], [100.0, 1.0, -50.0]], np.float32)
    rows, scales = quantize_rows(table)
    assert rows.tolist() == [[64, -127, 32], [0, 0, 0], [127, 1, -64]]
    np.testing.assert_allclose(rows * scales, table, atol=0.4)


def test_zero_and_tiny_rows_stay_finite() -> None:
    rows, scales = quantize_rows(np.array([[0.0, 0.0], [1e-42, -1e-42]], np.float32))
    assert np.isfinite(rows * scales).all()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bert(tmp_path_factory.mktemp("model"), vocab_size=1500)


@pytest.mark.parametrize(("target", "most"), [("portable", 64), ("x86-vnni", 127), ("arm64", 127)])
def test_weights_are_signed_and_as_wide_as_the_target_allows(
    target: CpuTarget, most: int, model: Path, tmp_path: Path
) -> None:
    report = export_model(str(model), tmp_path / "bundle", target=target, min_agreement=0.5)
    assert report.manifest.target == target
    graph = onnx.load(tmp_path / "bundle" / ModelFiles.ENCODER).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    products = [
        tensors[node.input[1]] for node in graph.node if node.op_type == "DynamicQuantizeMatMul"
    ]
    assert len(products) == 3 * CONFIG["num_hidden_layers"]
    for weight in products:
        assert weight.dtype == np.int8
        reach = np.abs(weight.astype(int)).max(axis=0)
        assert set(reach) <= {most - 1, most}, "every output channel should use the whole range"


def test_only_the_tail_and_small_tensors_stay_fp32(model: Path, tmp_path: Path) -> None:
    export_model(str(model), tmp_path / "bundle", min_agreement=0.5)
    graph = onnx.load(tmp_path / "bundle" / ModelFiles.ENCODER).graph
    large = [
        t.name
        for t in graph.initializer
        if t.data_type == onnx.TensorProto.FLOAT and np.prod(t.dims) > 2048
    ]
    assert large == []
    operators = {node.op_type for node in graph.node if node.name.startswith("sentence/")}
    assert not any("Quant" in operator or "Integer" in operator for operator in operators)


def test_the_same_model_gives_the_same_bytes(model: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from export.pipeline import export_model;"
        "export_model(sys.argv[1], Path(sys.argv[2]), min_agreement=0.5)"
    )
    digests = set()
    for seed in ("1", "2"):
        bundle = tmp_path / seed
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run(
            [sys.executable, "-c", code, str(model), str(bundle)], env=environment, check=True
        )
        digests.add(hashlib.sha256((bundle / ModelFiles.ENCODER).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_below_the_gate_nothing_is_written(model: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"the gate is 100\.0%.*--precision fp32.*--texts.*--min-agreement"
    ):
        export_model(str(model), tmp_path / "bundle", min_agreement=1.0)
    assert list(tmp_path.iterdir()) == []


def test_onnx_runtime_failing_to_write_is_an_error_of_ours(
    tiny_model_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ModelError, match=r"ONNX Runtime cannot write .*; see whether the disk is full"
    ):
        quantize.fuse(tiny_model_dir / ModelFiles.ENCODER, tmp_path / "missing" / "encoder.onnx")
