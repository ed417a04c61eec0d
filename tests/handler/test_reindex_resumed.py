"""Runs that are cut short, by kill -9 at any stage or by the clock, and the runs after them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handler.encoder import Encoder
from handler.errors import LeaseHeld, OutOfTime
from handler.index.index_version import IndexVersion
from handler.versions.lease import LeaseConfig
from tests.function import ROOT
from tests.handler.reindexing import SHORT, SLICE, Counting, Place, answers, record
from tests.stored_paths import PATHS

LATER = LeaseConfig(clock=lambda: time.time() + 91)
VICTIM = """
import os, signal, sys, tempfile
from pathlib import Path
from handler.encoder import Encoder
from handler.versions.lease import LeaseConfig
from tests.handler.reindexing import Counting, Place

folder, model, stage, at = sys.argv[1:]
tempfile.tempdir = folder  # what a killed process leaves goes with the test
encoder = Counting(Encoder.open(Path(model)))

def progress(name, done, total=None):
    if name == stage and done >= int(at):
        Path(folder, "encoded.txt").write_text("\\n".join(encoder.encoded))
        os.kill(os.getpid(), signal.SIGKILL)

place = Place(Path(folder), encoder)
place.run(progress=progress, lease=LeaseConfig())
"""


@pytest.fixture
def place(encoder: Encoder, tmp_path: Path) -> Place:
    place = Place(tmp_path, Counting(encoder))
    place.write("a.jsonl", [record(f"a{n}") for n in range(10)])
    place.run()
    place.write("b.jsonl", [record(f"b{n}") for n in range(14)])
    return place


def killed(place: Place, model: Path, stage: str, at: int) -> list[str]:
    """Run in a process that kills itself at a stage, and return the passages it encoded."""
    command = [
        sys.executable,
        "-c",
        VICTIM,
        str(place.folder),
        str(model),
        stage,
        str(at),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return (place.folder / "encoded.txt").read_text().splitlines()


def whole(place: Place) -> IndexVersion:
    """Open what readers see, which must be whole."""
    return place.current()


@pytest.mark.parametrize(
    ("stage", "at", "saved"),
    [
        ("read", 0, 0),
        ("encode", 2 * SLICE, 2 * SLICE),
        ("text", 0, 14),
        ("check", 0, 14),
        ("upload", 3, 14),
        ("publish", 0, 14),
        ("clean", 0, 14),
    ],
)
def test_after_kill_9_the_next_run_goes_on_without_loss_or_repetition(
    place: Place, tiny_model_dir: Path, tmp_path: Path, stage: str, at: int, saved: int
) -> None:
    before = place.version()
    first = killed(place, tiny_model_dir, stage, at)
    assert (place.version() == before) == (stage != "clean")
    assert whole(place).manifest.documents == (24 if stage == "clean" else 10)
    with pytest.raises(LeaseHeld, match=r"process .* has been working on index"):
        place.run(lease=LeaseConfig())

    outcome = place.run(lease=LATER)
    second = [*place.encoder.encoded]
    assert outcome.kind == ("unchanged" if stage == "clean" else "published")
    assert outcome.encoded == (0 if stage == "clean" else 14 - saved)
    assert not set(first) & set(second)
    assert whole(place).manifest.documents == 24
    assert not [path for path in place.paths() if path.startswith("work/")]

    other = Place(place.folder, place.encoder, str(tmp_path / "fresh"))
    other.run()
    assert sorted(first + second) == sorted(set(other.encoder.encoded) - _old(place))
    assert answers(whole(place), place.encoder) == answers(whole(other), place.encoder)


def _old(place: Place) -> set[str]:
    return {text for text in place.encoder.encoded if text.startswith("The a")}


def test_a_run_stops_in_time_and_the_next_ones_finish(place: Place) -> None:
    before, encoded = place.version(), list[str]()
    for done in (4, 8):
        with pytest.raises(
            OutOfTime, match="documents are encoded, and time is up before the others; run again"
        ):
            place.run(remaining=lambda: 0.0)
        assert place.version() == before
        assert len(place.store.list(PATHS.work)) == done // SLICE
        encoded += place.encoder.encoded
    outcome = place.run()
    encoded += place.encoder.encoded
    assert (outcome.kind, outcome.encoded) == ("published", 6)
    assert len(encoded) == len(set(encoded))


def test_with_all_encoded_and_no_time_for_the_rest_the_next_run_does_the_rest(place: Place) -> None:
    seconds = iter([1000.0, 1000.0, 1000.0, 38.0])
    with pytest.raises(OutOfTime, match="all documents are encoded"):
        place.run(remaining=lambda: next(seconds))
    assert place.run(remaining=lambda: 38.0).encoded == 0
    assert whole(place).manifest.documents == 24


def test_a_damaged_part_is_ignored_and_said_so(place: Place) -> None:
    with pytest.raises(OutOfTime):
        place.run(remaining=lambda: 38.0)
    path = place.store.list(PATHS.work)[0].path
    data = place.store.get(path)[0]
    place.store.put(path, data[:200] + bytes([data[200] ^ 1]) + data[201:])
    assert place.run().encoded in (SLICE, 14 % SLICE)  # the last slice is smaller
    assert "is incomplete or was altered" in dict(place.told)["part_ignored"]["problem"]


def test_parts_of_another_model_or_other_passages_are_not_used(
    place: Place, tmp_path: Path
) -> None:
    with pytest.raises(OutOfTime):
        place.run(remaining=lambda: 38.0)
    assert place.run(options=lambda current: current.__class__(SHORT.split, "f16")).encoded == 24
