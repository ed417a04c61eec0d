"""Indexing that is broken off, by a disk or by a person, leaves nothing behind."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.command_line import Outcome, Run, expect_failure, start
from tests.library import BOOKS, Library, write_corpus


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system of its own with the given options; skips where that is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as cause:
            pytest.skip(f"file systems can't be mounted here, which takes root: {cause}")
        return folder

    yield mount
    subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


def test_a_full_disk_under_the_store(run: Run, corpus: Path, library: Library, disk: Callable[[str], Path]) -> None:
    store = disk("size=16k") / "store"
    expect_failure(
        run("index", corpus, "--to", store, "--model", library.model),
        f"{store}/indexes/default/versions/",
        "the disk is full; free space or choose another folder",
    )
    assert [path.name for path in store.rglob("*") if path.is_file()] == [".querytower.lock"]


def test_a_read_only_store(run: Run, corpus: Path, library: Library, disk: Callable[[str], Path]) -> None:
    store = disk("ro") / "store"
    common = (f"{store}/indexes/default/versions/", "the file system is read-only; choose a folder that can be written")
    expect_failure(run("index", corpus, "--to", store, "--model", library.model), *common)


@pytest.mark.parametrize("size", ["16k", "64k"], ids=["while reading", "while writing the text index"])
def test_a_full_temporary_folder(
    library: Library,
    corpus: Path,
    disk: Callable[[str], Path],
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    size: str,
) -> None:
    scratch = disk(f"size={size}")
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    (scratch / "taken").write_bytes(b"x" * 12_000)
    outcome = run("index", corpus, "--to", "store", "--model", library.model)
    expect_failure(
        outcome, "No space left on device", "check the path, its permissions and the space left there and in TMPDIR"
    )
    assert [path.name for path in scratch.iterdir()] == ["taken"]


def test_a_failure_as_the_shell_sees_it(tmp_path: Path, library: Library) -> None:
    process = start("index", "absent.jsonl", "--to", "store", "--model", library.model, folder=tmp_path)
    out, err = process.communicate(timeout=60)
    expect_failure(Outcome(process.returncode, out, err), "absent.jsonl does not exist; give a file or a folder")


def test_control_c_while_indexing_leaves_nothing(tmp_path: Path, library: Library) -> None:
    many = ({**book, "id": f"{number}-{book['id']}"} for number in range(4000) for book in BOOKS)
    write_corpus(tmp_path / "many.jsonl", many)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = start(
        "index", "many.jsonl", "--to", "store", "--model", library.model, folder=tmp_path, TMPDIR=str(scratch)
    )
    while not any(path.stat().st_size for path in scratch.glob("*/version/vectors.bin")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")
    assert [*scratch.iterdir()] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many.jsonl", "scratch"]
