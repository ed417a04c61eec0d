"""Byte code for the Python of the target, compiled by an interpreter of that version."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from handler.errors import QuerytowerError

TASK_ROOT = "/var/task"  # what tracebacks shall show in front of a file's name
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def find_python(version: str) -> Path | None:
    """Return an interpreter of this minor version: the running one, or one on PATH or of pyenv."""
    return next((path for path in _candidates(version) if _version_of(path) == version), None)


def compile_sources(folder: Path, python: Path) -> None:
    """Put byte code in place of the sources in `folder`, and beside those of handler/, for readable tracebacks.

    Lambda's task folder is read-only, so Python could not keep byte code itself. Unchecked: no source is read or
    looked at to find out whether it changed.

    Raises:
        QuerytowerError: a source does not compile.
    """
    _compile(folder, python, "handler")
    others = sorted(
        path for path in folder.rglob("*.py") if path.relative_to(folder).parts[0] != "handler"
    )
    _compile(folder, python, "-b", "-o", "2", "-x", r"^\./handler/", ".")
    for source in others:
        source.unlink()


def _compile(folder: Path, python: Path, *arguments: str) -> None:
    command = [
        str(python),
        "-S",
        "-P",
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
    ]
    command += ["-s", ".", "-p", TASK_ROOT, *arguments]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONHASHSEED": "0",
    }  # with any other seed sets vary in order
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        problem = " ".join((done.stdout + done.stderr).split())[:300]
        raise QuerytowerError(
            f"{python} can't compile the package: {problem}; pin a version that it can: make lock"
        )


def _candidates(version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    for folder in os.get_exec_path():
        if found := shutil.which(f"python{version}", path=folder):
            yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))


def _version_of(python: Path) -> str:
    """Return the version, or "" where nothing answers, as behind pyenv's shims of versions that are not active."""
    done = subprocess.run(
        [python, "-I", "-S", "-c", VERSION], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
