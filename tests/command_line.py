"""Commands run in this process or in one of their own, and what a failure looks like."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from infra.cli import main as cli
from tests.function import ROOT
from tests.library import BOOKS, write_corpus


class Outcome(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command in this process, in an empty folder, as the console script would."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("QUERYTOWER_")]:
        monkeypatch.delenv(name)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["querytower", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        told = isinstance(ended.value.code, str)  # the interpreter prints it and exits with 1
        return Outcome(
            1 if told else int(ended.value.code or 0),
            out,
            err + (f"{ended.value.code}\n" if told else ""),
        )

    return run


def expect_failure(outcome: Outcome, *texts: str) -> None:
    """Expect exit code 1 and one line on standard error with all of these texts, and nothing else."""
    assert outcome.code == 1
    assert outcome.out == ""
    assert re.fullmatch(r"querytower: [^\n]+\n", outcome.err)
    for text in texts:
        assert text in outcome.err


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "books.jsonl", BOOKS)


def start(*arguments: object, folder: Path, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", "from infra.cli.main import main; main()", *map(str, arguments)],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "ORT_DISABLE_TELEMETRY": "1",
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
