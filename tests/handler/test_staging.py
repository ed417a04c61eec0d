"""Folders that appear whole, and that no killed process leaves behind."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handler.staging import hold, remove_unused, scratch_folder, staged_folder
from tests.function import ROOT

VICTIM = """
import sys, tempfile, time
from pathlib import Path
from handler.staging import scratch_folder, staged_folder

tempfile.tempdir = sys.argv[1]
with scratch_folder() as scratch, staged_folder(Path(sys.argv[1], "target")) as part:
    (part / "half").touch()
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has a scratch folder and a staged one."""
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    yield process
    kill(process)


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()


def test_a_staged_folder_appears_when_the_block_has_succeeded(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "target"
    with staged_folder(target) as part:
        (part / "file").write_text("whole")
        assert not target.exists()
    assert (target / "file").read_text() == "whole"
    assert [*target.parent.iterdir()] == [target]


def test_a_failed_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staged_folder(tmp_path / "target"):
        raise ZeroDivisionError
    assert [*tmp_path.iterdir()] == []


def test_of_two_that_make_one_folder_the_first_stays(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with staged_folder(target) as slow:
        (slow / "slow").touch()
        with staged_folder(target) as quick:
            (quick / "quick").touch()
    assert [path.name for path in target.iterdir()] == ["quick"]
    assert [*tmp_path.iterdir()] == [target]


def test_folders_of_others_stay_while_they_live_and_go_when_they_are_killed(
    tmp_path: Path, at_work: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    theirs = {*tmp_path.iterdir()}
    assert len(theirs) == 2
    with scratch_folder(), staged_folder(tmp_path / "target"):
        assert theirs < {*tmp_path.iterdir()}
    kill(at_work)
    with scratch_folder() as scratch, staged_folder(tmp_path / "other"):
        assert scratch in tmp_path.iterdir()
    with staged_folder(tmp_path / "target"):
        pass
    assert not theirs & {*tmp_path.iterdir()}


def test_folders_with_other_names_are_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names = ("querytower", "querytower-data", "querytower-run-of-mine", ".part-1", ".target.part-x")
    for name in names:
        (tmp_path / name).mkdir()
    with scratch_folder(), staged_folder(tmp_path / "target"):
        pass
    assert {*names} < {path.name for path in tmp_path.iterdir()}


def test_what_somebody_holds_is_not_removed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    one, other = hold(folder), hold(folder)
    assert one
    assert other
    assert not remove_unused(folder)
    one.release()
    assert not remove_unused(folder)
    other.release()
    other.release()
    assert remove_unused(folder)
    assert not folder.exists()
    assert hold(folder) is None
    assert not remove_unused(folder)


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert not remove_unused(tmp_path / "link")
    assert (tmp_path / "folder").is_dir()


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def test_a_hold_ends_with_its_object(tmp_path: Path) -> None:
    before = open_files()
    held = hold(tmp_path)
    assert open_files() == before + 1
    del held
    assert open_files() == before
