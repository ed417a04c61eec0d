"""`querytower export` on the command line."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from handler.bundle import ModelManifest
from handler.errors import ModelError
from infra.cli.commands.export import export
from tests.export.tiny import write_bert


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(export)
    return app


def test_it_writes_the_bundle_and_prints_a_table(app: typer.Typer, tmp_path: Path) -> None:
    model, to = write_bert(tmp_path / "model"), tmp_path / "bundle"
    (model / "modules.json").unlink()
    arguments = [str(model), "--to", str(to), "--min-agreement", "0.5", "--target", "arm64"]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"}, catch_exceptions=False)
    assert result.exit_code == 0
    manifest = ModelManifest.read(to)
    assert (manifest.precision, manifest.target) == ("int8", "arm64")
    for shown in (
        "direct (bert)",
        "int8, arm64",
        f"{manifest.parity['agreement']:.1%}",
        f"{manifest.parity['min_cosine']:.4f}",
        "encoder.onnx",
        "quantize",
    ):
        assert shown in result.stdout
    assert "no modules.json: mean pooling" in result.stderr


def test_length_and_dimension_are_chosen(app: typer.Typer, tmp_path: Path) -> None:
    model, to = write_bert(tmp_path / "model"), tmp_path / "bundle"
    arguments = [str(model), "--to", str(to), "--max-tokens", "20", "--dimension", "8"]
    CliRunner().invoke(app, [*arguments, "--precision", "fp32"], catch_exceptions=False)
    manifest = ModelManifest.read(to)
    assert (manifest.max_tokens, manifest.dimension) == (20, 8)


def test_a_failure_is_an_error_of_ours(app: typer.Typer, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="neither a folder nor a hub id"):
        CliRunner().invoke(app, ["./nowhere", "--to", str(tmp_path / "to")], catch_exceptions=False)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--precision", "int4"],
        ["--target", "gpu"],
        ["--converter", "magic"],
        ["--min-agreement", "1.5"],
    ],
)
def test_unknown_choices_are_refused(wrong: list[str], app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--to", str(tmp_path / "to"), *wrong])
    assert result.exit_code == 2
    assert not (tmp_path / "to").exists()
