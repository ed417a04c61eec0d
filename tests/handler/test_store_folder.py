"""What is special about a folder as a store: other processes use the disk too, and it can fail."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which

import pytest

from handler.errors import LostRace, ObjectNotFound, StoreError
from handler.storage.folder import staged
from handler.storage.store import Store


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 256 kB, for which one must be root on Linux."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"can't mount a small file system: {error}")
    if done.returncode:
        pytest.skip(f"can't mount a small file system: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def visible(folder: Path) -> list[str]:
    return sorted(
        path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
    )


def test_a_folder_appears_with_the_first_write(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "a" / "b"))
    assert store.list() == []
    store.delete(["x"])
    with pytest.raises(ObjectNotFound):
        store.get("x")
    assert list(tmp_path.iterdir()) == []
    store.put("c/x", b"1")
    assert (tmp_path / "a/b/c/x").read_bytes() == b"1"


def test_paths_and_file_urls_name_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    store = Store.open("with space/s")
    monkeypatch.chdir("/")
    store.put("x", b"1")
    assert store.local == tmp_path / "with space/s"
    for url in (f"file://{tmp_path}/with%20space/s", f"{tmp_path}/with space/s/", "~/with space/s"):
        other = Store.open(url)
        assert (other.url, other.local) == (str(store.local), store.local)
        assert other.get("x")[0] == b"1"


def test_etags_never_repeat_however_quick_the_writes(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    etags = [store.create("p", b"0")]
    for number in range(100):
        body = b"%d" % (number % 10)
        etags.append(store.replace("p", body, etags[-1]) if number % 2 else store.put("p", body))
    assert len(set(etags)) == len(etags)


def test_a_clock_that_runs_back_repeats_no_etag(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    store.put("p", b"1")
    later = (tmp_path / "p").stat().st_mtime_ns + 3_600 * 10**9
    os.utime(tmp_path / "p", ns=(later, later))
    store.replace("p", b"2", store.get("p")[1])
    assert (tmp_path / "p").stat().st_mtime_ns // 1000 > later // 1000


def test_empty_folders_go_with_their_last_object(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "s"))
    store.put("versions/1/file", b"x")
    store.put("versions/2/file", b"x")
    store.delete(["versions/1/file"])
    assert [path.name for path in (tmp_path / "s/versions").iterdir()] == ["2"]


HOLD = """
import fcntl, sys, time
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print(flush=True)
time.sleep(60)
"""


def test_a_lock_that_is_never_released_is_named(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path), timeout=0.2)
    store.put("p", b"1")
    command = [sys.executable, "-c", HOLD, str(tmp_path / ".querytower.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(
            StoreError, match=r"another process has kept \.querytower\.lock for 0\.2 s"
        ):
            store.put("p", b"2")
        holder.kill()
    store.put("p", b"3")
    assert visible(tmp_path) == ["p"]


KILLED = """
import os, signal, sys
from pathlib import Path
from handler.storage.store import Store
if sys.argv[2] == "replace":
    Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
else:
    os.fsync = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Store.open(sys.argv[1]).put("v/p", b"half")
"""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_writer_killed_at_work_leaves_nothing_visible(tmp_path: Path, moment: str) -> None:
    store = Store.open(str(tmp_path), timeout=1)
    etag = store.put("v/p", b"whole")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), moment], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert store.get("v/p") == (b"whole", etag)
    assert [item.path for item in store.list()] == ["v/p"]
    assert len([*(tmp_path / "v").iterdir()]) == 2
    assert store.replace("v/p", b"next", etag)
    assert visible(tmp_path) == ["p"], "the next write removes what was abandoned"


def test_a_file_that_somebody_is_writing_stays(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path), timeout=1)
    with staged(tmp_path / "v" / "p") as file:
        file.write(b"slow")
        store.put("v/other", b"quick")
        assert Path(file.name).exists()
    assert visible(tmp_path) == ["other"]


def test_a_full_disk_is_named_and_changes_nothing(tiny_disk: Path) -> None:
    store = Store.open(str(tiny_disk))
    etag = store.put("p", b"old")
    writes: list[Callable[[], object]] = [
        lambda: store.put("p", b"x" * 300_000),
        lambda: store.replace("p", b"x" * 300_000, etag),
    ]
    for write in writes:
        with pytest.raises(StoreError, match=f"{tiny_disk}/p: the disk is full; free space"):
            write()
    assert store.get("p") == (b"old", etag)
    assert visible(tiny_disk) == ["p"]


def test_a_download_to_a_full_disk_names_the_disk(tiny_disk: Path, tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "store"))
    store.put("p", b"x" * 300_000)
    with pytest.raises(StoreError, match=f"{tiny_disk}/target: the disk is full"):
        store.download("p", tiny_disk / "target", size=300_000)
    assert visible(tiny_disk) == []


def test_a_read_only_disk_serves_but_refuses_writes(tiny_disk: Path) -> None:
    store = Store.open(str(tiny_disk))
    etag = store.put("p", b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    writes: list[Callable[[], object]] = [
        lambda: store.put("q", b"1"),
        lambda: store.replace("p", b"1", etag),
        lambda: store.delete(["p"]),
    ]
    for write in writes:
        with pytest.raises(StoreError, match="the file system is read-only; choose"):
            write()
    assert store.get("p") == (b"old", etag)


@pytest.mark.parametrize(("root", "path"), [("file", "x"), (".", "file/x")])
def test_a_file_in_the_place_of_a_folder(tmp_path: Path, root: str, path: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = Store.open(str(tmp_path / root))
    calls: list[Callable[[], object]] = [
        lambda: store.put(path, b"1"),
        lambda: store.create(path, b"1"),
        lambda: store.get(path),
    ]
    for call in calls:
        with pytest.raises(
            StoreError, match="file/x: a file is in the place of a folder; remove it"
        ):
            call()


@pytest.mark.skipif(
    os.geteuid() == 0 and not which("setpriv"), reason="root may do anything without setpriv"
)
def test_permission_denied_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    code = (
        "import sys; from handler.storage.store import Store; "
        "Store.open(sys.argv[1]).put('x', b'1')"
    )
    command = [sys.executable, "-c", code, str(folder)]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "closed/x: permission denied; check owner and mode" in done.stderr


def test_lost_race_on_create_keeps_the_first(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    (tmp_path / "put-by-hand").write_bytes(b"first")
    with pytest.raises(LostRace):
        store.create("put-by-hand", b"second")
    assert store.get("put-by-hand")[0] == b"first"
