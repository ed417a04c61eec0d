"""querytower reindex, versions, rollback, prune and diff."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from handler.corpus.passages import Split
from handler.index.writer import Options
from handler.reindex.build_options import build_options, changed_options
from handler.storage.store import Store
from handler.versions.lease import Lease
from handler.versions.repository import IndexRepository
from tests.command_line import Outcome, Run
from tests.handler.reindexing import lines, record

VERSION = re.compile(r"\d{8}T\d{9}-[0-9a-f]{6}")


class Desk:
    """A folder with corpus and store, and the commands about them."""

    def __init__(self, run: Run, folder: Path, model: Path) -> None:
        self._run = run
        self.folder = folder
        self.model = model
        (folder / "corpus").mkdir()

    def write(self, records: list[Any]) -> None:
        (self.folder / "corpus/a.jsonl").write_text(lines(records))

    def reindex(self, *more: object) -> Outcome:
        return self._run(
            "reindex",
            "--corpus",
            "corpus",
            "--store",
            "store",
            "--model",
            self.model,
            "--passages",
            16,
            "--overlap",
            4,
            *more,
        )

    def about(self, command: str, *more: object) -> Outcome:
        return self._run(command, *more, "--store", "store")

    def versions(self) -> list[str]:
        return VERSION.findall(self.about("versions").out)


@pytest.fixture
def desk(run: Run, tmp_path: Path, tiny_model_dir: Path) -> Desk:
    desk = Desk(run, tmp_path, tiny_model_dir)
    desk.write([record(f"a{n}") for n in range(6)])
    return desk


def told(outcome: Outcome) -> tuple[list[dict[str, Any]], str]:
    """Return the metrics and the words on standard output."""
    written = outcome.out.splitlines()
    metrics = [json.loads(line) for line in written if line.startswith("{")]
    return metrics, "\n".join(line for line in written if not line.startswith("{"))


def test_reindex_publishes_and_then_has_nothing_to_do(desk: Desk) -> None:
    first = desk.reindex()
    metrics, words = told(first)
    assert first.code == 0
    assert "6 documents, 6 encoded" in words
    assert metrics[0]["ReindexSucceeded"] == 1
    desk.write([record(f"a{n}") for n in range(7)])
    assert "1 added, 0 changed, 0 removed" in told(desk.reindex())[1]
    assert "nothing has changed" in told(desk.reindex())[1]
    assert len(desk.versions()) == 2


def test_a_dry_run_says_what_it_would_do(desk: Desk) -> None:
    desk.reindex()
    desk.write([record(f"a{n}") for n in range(5)] + [record("new")])
    words = told(desk.reindex("--dry-run"))[1]
    assert "6 documents, 1 to encode" in words
    assert "1 added: new" in words
    assert "1 removed: a5" in words
    assert len(desk.versions()) == 1


def test_a_failed_gate_is_exit_code_1_with_the_remedy(desk: Desk) -> None:
    desk.reindex()
    desk.write([record("a1")])
    failed = desk.reindex()
    assert failed.code == 1
    candidate, current = desk.versions()[:2]
    assert f"querytower rollback {candidate}" in failed.err
    assert told(failed)[0][0]["GatesFailed"] == 1
    listed = desk.about("versions").out
    assert re.search(rf"{candidate}.*failed", listed)
    assert re.search(rf"{current}.*current", listed)
    assert "1 documents are 83.3% fewer" in listed
    assert desk.reindex("--force").code == 0


def test_more_rejects_can_be_allowed(desk: Desk) -> None:
    desk.write([record("a1"), "{"])
    assert "1 of 2 records were rejected" in desk.reindex().err
    assert desk.reindex("--max-rejects", 50).code == 0


def test_a_run_that_finds_another_at_work_says_who(desk: Desk) -> None:
    with Lease.take(
        IndexRepository(Store.open(str(desk.folder / "store")), "default"), holder="somebody else"
    ):
        held = desk.reindex()
    assert (held.code, held.out) == (1, "")
    assert "somebody else has been working on index" in held.err


def test_back_and_compared_and_pruned(desk: Desk) -> None:
    for number in range(3):
        desk.write([record(f"a{n}") for n in range(6 + number)])
        desk.reindex()
    third, second, first = desk.versions()
    compared = desk.about("diff", first, third).out
    assert "2 added: a6, a7" in compared
    assert "6 documents are the same" in compared
    assert f"version {second} is current" in desk.about("rollback").out
    assert "the same corpus was rolled back" in told(desk.reindex())[1]
    assert f"version {third} is current" in desk.about("rollback", third).out
    pruned = desk.about("prune", "--keep", 1, "--grace", 0).out
    assert pruned.startswith("2 versions were removed")
    again = desk.about("prune", "--keep", 1, "--grace", 0).out
    assert again.startswith("0 versions were removed")
    assert f"{third}: current" in again
    assert desk.versions() == [third]


def test_settings_of_the_passages_stay_unless_given(desk: Desk, run: Run) -> None:
    desk.reindex("--language", "none")
    plain = run("reindex", "--corpus", "corpus", "--store", "store", "--model", desk.model)
    assert "nothing has changed" in told(plain)[1]
    changed = run(
        "reindex",
        "--corpus",
        "corpus",
        "--store",
        "store",
        "--model",
        desk.model,
        "--passages",
        "off",
    )
    assert "full rebuild: reason the passage settings changed" in changed.err


@pytest.mark.parametrize("command", ["versions", "rollback", "prune"])
def test_where_there_is_no_index(run: Run, command: str) -> None:
    outcome = run(command, "--store", "empty")
    assert outcome.code == 1
    assert "has no index 'default'" in outcome.err


def test_prune_says_why_it_removed_nothing(desk: Desk) -> None:
    for number in range(2):
        desk.write([record(f"a{n}") for n in range(6 + number)])
        desk.reindex()
    second, first = desk.versions()
    young = desk.about("prune", "--keep", 1).out
    assert f"{first}: current less than 900 seconds ago" in young
    assert f"{second}: current\n" in young
    many = desk.about("prune", "--grace", 0).out
    assert f"{first}: among the 10 newest" in many
    assert "--keep and --grace" in many


def test_fields_that_are_not_four(desk: Desk) -> None:
    assert "--fields is 'id'" in desk.reindex("--fields", "id").err


def test_a_new_size_of_passages_has_an_overlap_of_its_own() -> None:
    for size, overlap in (("20", 5), ("96", 24), ("off", 0)):
        assert build_options(size, -1, "i8", "english").split.overlap == overlap
        assert changed_options(Options(Split(64, 3)), size, -1, "", "").split.overlap == overlap
    assert changed_options(Options(Split(64, 3)), "", -1, "f16", "").split == Split(64, 3)
    assert changed_options(Options(Split(0, 0)), "96", 7, "", "").split == Split(96, 7)
