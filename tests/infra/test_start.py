"""What a shell sees when something is missing or in the way: one sentence that says what to do."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.function import ROOT

SCRIPT = Path(sysconfig.get_path("scripts")) / "querytower"


def _run(
    folder: Path, *command: str | Path, path: str | Path = ROOT
) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(path)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.skipif(not SCRIPT.exists(), reason="the project is not installed; run: make install")
@pytest.mark.parametrize("command", [[SCRIPT], [sys.executable, "-m", "querytower"]])
def test_a_handler_of_the_users_own_is_left_alone(
    tmp_path: Path, command: list[str | Path]
) -> None:
    for name in ("handler.py", "export.py", "infra.py"):
        (tmp_path / name).write_text("raise SystemExit('somebody else is imported')\n")
    done = _run(tmp_path, *command, "settings", path=".")
    assert (done.returncode, done.stderr) == (0, "")
    assert "QUERYTOWER_STORE" in done.stdout


@pytest.mark.parametrize("module", ["latency", "process", "scale", "indexing", "coldstart"])
def test_a_benchmark_without_the_demo_says_how_to_make_it(tmp_path: Path, module: str) -> None:
    arguments = [] if module in ("latency", "process") else ["corpus"]
    done = _run(tmp_path, sys.executable, "-m", f"infra.bench.{module}", *arguments)
    assert done.returncode == 1
    assert done.stderr.endswith("with: querytower demo --no-serve\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("module", ["indexing", "coldstart"])
def test_a_benchmark_without_its_collection_says_what_belongs_there(
    tmp_path: Path, tiny_model_dir: Path, module: str
) -> None:
    command = [sys.executable, "-m", f"infra.bench.{module}", "absent"]
    done = _run(tmp_path, *command, "--model", tiny_model_dir)
    assert done.returncode == 1
    assert "does not exist; the BEIR layout is corpus.jsonl, queries.jsonl" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_benchmark_in_another_environment_names_the_right_one(tmp_path: Path) -> None:
    done = _run(tmp_path, sys.executable, "-S", "-m", "infra.bench.latency")
    assert done.returncode == 1
    assert done.stderr == (
        "the benchmarks need the project's environment; "
        "run: make install, then the same command with .venv/bin/python\n"
    )


def _make(target: str, **variables: str | Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    return subprocess.run(
        ["make", target], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_a_build_without_a_model_stops(tmp_path: Path) -> None:
    if subprocess.run(["make", "-q", ".venv/installed"], cwd=ROOT).returncode:
        pytest.skip(".venv is older than what it was made from; run: make install")
    model, artifacts = tmp_path / "model", tmp_path / "artifacts"
    done = _make("build-SearchFunction", MODEL=model, ARTIFACTS_DIR=artifacts)
    assert done.returncode != 0
    assert f"make one with: querytower export --to {model}" in done.stderr
    assert not model.exists()
    assert not artifacts.exists()


def test_the_model_has_one_place() -> None:
    printed = subprocess.run(
        ["make", "-npq"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    assert "\nMODEL := model\n" in printed or "\nMODEL = model\n" in printed
