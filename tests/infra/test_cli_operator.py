"""What an operator asks for: versions as JSON, the indexes of a store, progress in a log."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.progress_lines import ProgressLines
from tests.command_line import Run, expect_failure
from tests.handler.reindexing import lines, record


@pytest.fixture
def store(run: Run, tmp_path: Path, tiny_model_dir: Path) -> str:
    """A store with two indexes; "default" has two versions."""
    corpus = tmp_path / "corpus.jsonl"
    for name, count in (("default", 3), ("default", 4), ("other", 2)):
        corpus.write_text(lines([record(f"a{n}") for n in range(count)]))
        place = ("--to", "store", "--name", name, "--model", tiny_model_dir)
        assert run("index", corpus, *place, "--passages", "16").code == 0
    return "store"


def test_versions_and_their_differences_as_json(run: Run, store: str) -> None:
    def asked(*arguments: str) -> Any:
        return json.loads(run(*arguments, "--store", store, "--json").out)

    second, first = asked("versions")
    assert [second["state"], first["state"]] == ["current", "was current"]
    assert (second["documents"], first["documents"]) == (4, 3)
    assert second["bytes"] > 0
    difference = asked("diff", first["version"], second["version"])
    assert difference["documents"]["added"] == ["a3"]
    assert asked("rollback")["version"] == first["version"]
    assert asked("prune", "--keep", "1", "--grace", "0")["removed"] == []


def test_indexes_of_a_store_are_listed(run: Run, store: str) -> None:
    default, other = json.loads(run("indexes", "--store", store, "--json").out)
    assert (default["name"], default["documents"]) == ("default", 4)
    assert (other["name"], other["documents"]) == ("other", 2)
    assert "other" in run("indexes", "--store", store).out


def test_an_index_is_deleted_after_a_question(
    run: Run, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run("indexes", "delete", "other", "--store", store).code == 1
    assert "other" in run("indexes", "--store", store).out
    assert "was deleted" in run("indexes", "delete", "other", "--store", store, "--yes").out
    assert "other" not in run("indexes", "--store", store).out
    assert not list((Path(store) / "indexes/other").rglob("*.bin"))
    expect_failure(run("indexes", "delete", "other", "--store", store, "--yes"), "no index 'other'")


def test_a_store_without_indexes_says_how_to_make_one(run: Run) -> None:
    assert "querytower index CORPUS --to empty" in run("indexes", "--store", "empty").out


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").out.startswith("querytower ")


def test_quiet_prints_no_progress(run: Run, tmp_path: Path, tiny_model_dir: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(lines([record("a1")]))
    done = run("index", corpus, "--to", "store", "--model", tiny_model_dir, "--quiet")
    assert (done.code, done.err) == (0, "")


def test_a_log_gets_a_line_every_few_seconds() -> None:
    now = 0.0
    log = io.StringIO()
    lines = ProgressLines(log, seconds=5.0, clock=lambda: now)
    for second in range(13):
        now = float(second)
        lines("encode", 100 * second, 3600)
    written = log.getvalue().splitlines()
    assert written == [
        "encoding: 500 of 3,600, 100 documents/s, 0:31 left",
        "encoding: 1,000 of 3,600, 100 documents/s, 0:26 left",
    ]
