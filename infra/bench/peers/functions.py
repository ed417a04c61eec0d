"""Task roots of the other libraries: dependencies, model and handler.

pip fills them outside this project's environment. All hold the same weights. They are made once and
kept until their pins change.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from export import DEFAULT_MODEL
from export.cache import cache_folder
from export.source import find_model
from handler.errors import QuerytowerError
from handler.progress import no_progress

HERE = Path(__file__).parent
OPTIMUM = HERE.parents[2] / ".venv-optimum" / "bin" / "optimum-cli"
PEERS = ("fastembed", "sentence-transformers", "txtai")
RUNTIME = "awslambdaric==4.2.2"
# No library looks anything up on a hub, which would only slow it down.
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "0"}


def default_folder() -> Path:
    """Return the folder that keeps the task roots, about 3 GB."""
    return cache_folder("peers")


def runtime(work: Path) -> Path:
    """Return a Python with Lambda's runtime client alone, of the version that runs this."""
    python = work / "runtime" / "bin" / "python"
    if not python.exists():
        run_command([sys.executable, "-m", "venv", str(work / "runtime")])
        _pip(python, RUNTIME)
    return python


def task_root(name: str, work: Path) -> Path:
    """Return the folder of a library's function, and make it unless it has the current pins.

    Raises:
        QuerytowerError: a dependency or the model can't be fetched.
    """
    pins, folder = HERE / f"{name}.txt", work / name
    done = folder / "requirements.txt"
    if not done.exists() or done.read_text("utf-8") != pins.read_text("utf-8"):
        shutil.rmtree(folder, ignore_errors=True)
        # Without dependencies: the pins are complete, and torch would require several GB of CUDA.
        _pip(runtime(work), "--no-deps", "--target", str(folder), "-r", str(pins))
        _copy_model(name, folder / "model")
        shutil.copyfile(pins, done)
    shutil.copyfile(
        HERE / "handlers" / f"{name.replace('-', '_')}_function.py", folder / "function.py"
    )
    return folder


def run_in(folder: Path, work: Path, script: Path, *arguments: object) -> str:
    """Run a script with the dependencies in `folder`, and return what it printed.

    Raises:
        QuerytowerError: the script failed.
    """
    return run_command(
        [str(runtime(work)), "-P", str(script), *map(str, arguments)],
        os.environ | ENVIRONMENT | {"PYTHONPATH": str(folder)},
    )


def _copy_model(name: str, folder: Path) -> None:
    source = find_model(DEFAULT_MODEL, no_progress).folder
    if name == "fastembed":
        _export_onnx(source, folder)
    else:
        shutil.copytree(source, folder)


def _export_onnx(source: Path, folder: Path) -> None:
    """Make fastembed's model: a graph that ends in last_hidden_state, fp32, with fused layers."""
    if not OPTIMUM.exists():
        raise QuerytowerError(
            "fastembed needs an ONNX model, which Optimum makes; install it with: make optimum"
        )
    options = ["--task", "feature-extraction", "--library-name", "transformers", "--optimize", "O2"]
    run_command(
        [str(OPTIMUM), "export", "onnx", "--model", str(source), *options, str(folder)],
        os.environ | ENVIRONMENT,
    )
    path = folder / "tokenizer_config.json"
    limit = json.loads((source / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"]
    settings = json.loads(path.read_text("utf-8")) | {
        "model_max_length": limit,
        "max_length": limit,
    }
    path.write_text(json.dumps(settings), "utf-8")


def _pip(python: Path, *arguments: str) -> None:
    run_command(
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments]
    )


def run_command(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run a command, and return what it printed.

    Raises:
        QuerytowerError: it failed.
    """
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise QuerytowerError(
            f"{' '.join(command)} failed: {done.stderr[-1000:]}; the message says what is missing"
        )
    return done.stdout
