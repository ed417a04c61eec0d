"""The whole export: what ends up on disk, and what happens when that goes wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from export import convert, verify
from export.pipeline import export_model
from handler.bundle import ModelFiles, ModelManifest
from handler.errors import ModelError
from handler.files import measure_files
from tests.export.tiny import write_bert, write_json


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_bert(tmp_path / "my-bert")


def test_bundle_and_report(model: Path, tmp_path: Path) -> None:
    write_json(model / "config_sentence_transformers.json", {"prompts": {"query": "query: "}})
    stages: list[str] = []
    report = export_model(
        str(model),
        tmp_path / "deep/bundle",
        precision="fp32",
        progress=lambda stage, *_: stages.append(stage),
    )
    assert {path.name for path in report.folder.iterdir()} == {
        "encoder.onnx",
        "tokenizer.json",
        "manifest.json",
    }
    manifest = ModelManifest.read(report.folder)
    assert manifest == report.manifest
    assert manifest.files == measure_files(report.folder)
    assert (manifest.model, manifest.architecture, manifest.converter) == (
        "my-bert",
        "bert",
        "direct",
    )
    assert manifest.source["kind"] == "folder"
    assert len(manifest.source["weights_sha256"]) == 64
    assert manifest.prompts == {"query": "query: ", "document": ""}
    assert manifest.parity == {
        "texts": 33,
        "min_cosine": 1.0,
        "mean_cosine": 1.0,
        "agreement": 1.0,
    }
    assert stages == list(report.seconds) == ["fetch", "convert", "quantize", "verify"]
    assert report.sizes["weights"] == (model / "model.safetensors").stat().st_size
    assert report.sizes["encoder.onnx"] == manifest.files["encoder.onnx"].bytes


def test_tokenizer_neither_pads_nor_truncates(model: Path, tmp_path: Path) -> None:
    built = Tokenizer.from_str(json.dumps(json.loads(export_tokenizer(model, tmp_path / "first"))))
    built.enable_padding(length=128)
    built.enable_truncation(128)
    built.save(str(model / "tokenizer.json"))
    again = json.loads(export_tokenizer(model, tmp_path / "second"))
    assert (again["padding"], again["truncation"]) == (None, None)


def export_tokenizer(model: Path, to: Path) -> str:
    export_model(str(model), to, precision="fp32")
    return (to / ModelFiles.TOKENIZER).read_text("utf-8")


def test_a_bundle_is_replaced_and_anything_else_is_not(model: Path, tmp_path: Path) -> None:
    to = tmp_path / "bundle"
    first = export_model(str(model), to, precision="fp32").manifest
    second = export_model(str(model), to, precision="int8", min_agreement=0.5).manifest
    assert first.precision != second.precision
    assert ModelManifest.read(to) == second
    (to / "thesis.tex").write_text("years of work")
    with pytest.raises(
        ModelError, match=rf"{to} holds files other than a model bundle's \(thesis\.tex\)"
    ):
        export_model(str(model), to)
    assert (to / "thesis.tex").read_text() == "years of work"
    assert {path.name for path in tmp_path.iterdir()} == {"my-bert", "bundle"}


def test_an_empty_folder_is_filled(model: Path, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    export_model(str(model), tmp_path / "bundle", precision="fp32")
    assert ModelManifest.read(tmp_path / "bundle").precision == "fp32"


def test_a_failed_export_leaves_the_old_bundle(model: Path, tmp_path: Path) -> None:
    to = tmp_path / "bundle"
    old = export_model(str(model), to, precision="fp32").manifest
    with pytest.raises(ModelError, match="the gate is"):
        export_model(str(model), to, min_agreement=1.0)
    assert ModelManifest.read(to) == old
    assert {path.name for path in tmp_path.iterdir()} == {"my-bert", "bundle"}


def test_a_file_is_not_replaced(model: Path, tmp_path: Path) -> None:
    (tmp_path / "bundle").write_text("x")
    with pytest.raises(ModelError, match="is a file; name a folder"):
        export_model(str(model), tmp_path / "bundle")


def test_read_only_place(model: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        place = Path("/proc/bundle")  # where even root can't write
    else:
        place = tmp_path / "locked" / "bundle"
        place.parent.mkdir(mode=0o500)
    with pytest.raises(
        ModelError,
        match=rf"cannot write the bundle to {place}: .*; free some space or name another",
    ):
        export_model(str(model), place)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from export.pipeline import export_model
from handler.errors import ModelError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    export_model(sys.argv[1], Path(sys.argv[2]), precision=sys.argv[4], min_agreement=0)
except ModelError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit for the size of files on Windows")
@pytest.mark.parametrize(
    ("precision", "room"), [("int8", 10_000), ("int8", 100_000), ("fp32", 100_000)]
)
def test_full_disk(precision: str, room: int, model: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: both fail in the middle of a file."""
    to = tmp_path / "bundle"
    command = [sys.executable, "-c", FULL_DISK, str(model), str(to), str(room), precision]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cannot write" in said
    assert "free some space" in said or "disk is full" in said
    assert {path.name for path in tmp_path.iterdir()} == {"my-bert"}


def test_parity_texts_reach_the_length_limit_exactly(tiny_model_dir: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_model_dir / ModelFiles.TOKENIZER))
    lengths = [len(ids) for ids in verify.parity_tokens(tokenizer, 48)]
    assert max(lengths) == lengths[-1] == 48
    assert min(lengths) == 2
    assert tokenizer.truncation is None


def test_parity_is_the_cosine() -> None:
    first = np.array([[1, 0], [0, 1]], np.float32)
    second = np.array([[0.8, 0.6], [0, 1]], np.float32)
    assert verify.compare(first, second) == {"texts": 2, "min_cosine": 0.8, "mean_cosine": 0.9}


def test_broken_weights_are_refused(model: Path, tmp_path: Path) -> None:
    tensors = load_file(model / "model.safetensors")
    tensors["encoder.layer.0.output.dense.bias"][3] = np.nan
    save_file(tensors, model / "model.safetensors")
    with pytest.raises(ModelError, match="NaN or infinity"):
        export_model(str(model), tmp_path / "bundle", precision="fp32")


def test_truncated_weights_are_refused(model: Path, tmp_path: Path) -> None:
    content = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(content[:-100])
    with pytest.raises(ModelError, match="is not a safetensors file"):
        export_model(str(model), tmp_path / "bundle")


def test_model_too_large_for_a_graph(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "MOST_BYTES", 1000)
    with pytest.raises(ModelError, match="an ONNX file holds 2 at most"):
        export_model(str(model), tmp_path / "bundle")


def test_other_architecture_asks_for_optimum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optimum.exporters.onnx", None)  # as if it were not installed
    model = write_bert(tmp_path / "model", model_type="convbert")
    with pytest.raises(
        ModelError, match=r"type 'convbert' needs Optimum.*pip install -e \"\.\[optimum\]\""
    ):
        export_model(str(model), tmp_path / "bundle")


def test_decoders_are_refused_with_the_reason(tmp_path: Path) -> None:
    model = write_bert(tmp_path / "model", model_type="qwen3")
    with pytest.raises(ModelError, match=r"'qwen3' are decoders.*300 MB.*export --list"):
        export_model(str(model), tmp_path / "bundle")


def test_prompts_of_the_caller_replace_those_of_the_model(model: Path, tmp_path: Path) -> None:
    prompts = {"query": "query: ", "document": "passage: "}
    manifest = export_model(
        str(model), tmp_path / "bundle", precision="fp32", prompts=prompts
    ).manifest
    assert manifest.prompts == prompts
    assert ModelManifest.read(tmp_path / "bundle").prompts == prompts
