"""Byte code for the Python of the target, compiled by an interpreter of that version."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from handler.errors import QuerytowerError

TASK_ROOT = "/var/task"  # the folder that tracebacks show
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
# Unchecked: the function never looks at a source to see whether it has changed.
COMPILE = ("-S", "-P", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")


def find_python(version: str) -> Path | None:
    """Return an interpreter of this minor version: the running one, one on PATH, or pyenv's."""
    return next((path for path in _candidates(version) if _version_of(path) == version), None)


def compile_sources(folder: Path, python: Path) -> None:
    """Replace the sources in `folder` by byte code; those of handler/ stay, for tracebacks.

    Lambda's task folder is read-only, so the function can't write byte code itself.

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
    command = [str(python), *COMPILE, "-s", ".", "-p", TASK_ROOT, *arguments]
    # The order of sets in byte code depends on the hash seed.
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"}
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
    """Return the version, or "" for a program that fails, such as a shim of pyenv."""
    done = subprocess.run(
        [python, "-I", "-S", "-c", VERSION], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
