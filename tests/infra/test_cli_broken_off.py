"""Indexing that is broken off, by a disk or by a person, leaves nothing behind."""

import signal
import time
from pathlib import Path

import pytest

from tests.command_line import Outcome, Run, expect_failure, start
from tests.disks import Mount
from tests.library import BOOKS, Library, write_corpus


def test_a_full_disk_under_the_store(run: Run, corpus: Path, library: Library, disk: Mount) -> None:
    store = disk("size=16k") / "store"
    expect_failure(
        run("index", corpus, "--to", store, "--model", library.model),
        f"{store}/indexes/default/",
        "the disk is full; free space or choose another folder",
    )
    # Files that no version names are swept by a prune.
    left = {
        path.name
        for path in store.rglob("*")
        if path.is_file() and path.parent.name not in ("files", "parts")
    }
    assert left == {".querytower.lock"}


def test_a_read_only_store(run: Run, corpus: Path, library: Library, disk: Mount) -> None:
    store = disk("ro") / "store"
    common = (
        f"{store}/indexes/default/",
        "the file system is read-only; choose a folder that can be written",
    )
    expect_failure(run("index", corpus, "--to", store, "--model", library.model), *common)


@pytest.mark.parametrize("pages", [1, 2, 4, 8, 12, 16], ids=lambda pages: f"{4 * pages} kB")
def test_a_full_temporary_folder(
    run: Run,
    corpus: Path,
    library: Library,
    disk: Mount,
    monkeypatch: pytest.MonkeyPatch,
    pages: int,
) -> None:
    """The disk is full at one step or another, and Python, Tantivy and NumPy each say that in their own way."""
    scratch = disk(f"nr_blocks={pages}")
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    outcome = run("index", corpus, "--to", "store", "--model", library.model)
    expect_failure(
        outcome, "; check the path, its permissions and the space left there and in TMPDIR"
    )
    assert [*scratch.iterdir()] == []


def test_a_failure_as_the_shell_sees_it(tmp_path: Path, library: Library) -> None:
    process = start(
        "index", "absent.jsonl", "--to", "store", "--model", library.model, folder=tmp_path
    )
    out, err = process.communicate(timeout=60)
    expect_failure(
        Outcome(process.returncode, out, err),
        "absent.jsonl does not exist; give a file or a folder",
    )


def test_control_c_while_indexing_leaves_nothing_but_parts(
    tmp_path: Path, library: Library
) -> None:
    many = ({**book, "id": f"{number}-{book['id']}"} for number in range(4000) for book in BOOKS)
    write_corpus(tmp_path / "many.jsonl", many)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = start(
        "index",
        "many.jsonl",
        "--to",
        "store",
        "--model",
        library.model,
        folder=tmp_path,
        TMPDIR=str(scratch),
    )
    while not any(path.stat().st_size for path in scratch.rglob("vectors.bin")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")
    assert [*scratch.iterdir()] == []
    # The next run goes on from the parts that are done; a prune sweeps them.
    left = {path.parent.name for path in (tmp_path / "store").rglob("*") if path.is_file()}
    assert left <= {"parts", "store"}
