"""The store's contract, held by a folder, a real S3-compatible server and memory alike."""

import hashlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handler.errors import LostRace, ObjectNotFound, StoreError
from handler.storage.store import PART, Store
from tests.s3 import S3Server, environment, s3_server  # noqa: F401

NAMES = [
    "plain.json",
    "deep/er/é ü.txt",
    "odd/a b+c%25&d=e.bin",
    "hash#tag.md",
    "folder.with.dots/x",
]
ESCAPES = [
    "",
    "/etc/x",
    "../x",
    "a/../../x",
    "a//b",
    "a/",
    "./a",
    "..",
    "a\\..\\b",
    "a\0b",
    "a\nb",
    "staged#17",
]


@pytest.fixture(params=["folder", "s3", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        for name, value in environment(server.url).items():
            monkeypatch.setenv(name, value)
        return Store.open(f"s3://{server.create_bucket()}/some/prefix")
    return Store.open("memory://" if request.param == "memory" else str(tmp_path / "new" / "store"))


@pytest.fixture
def shared(store: Store) -> Store:
    """Return a store that other processes can open too."""
    if store.url.startswith("memory:"):
        pytest.skip("memory is not shared between processes")
    return store


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_put_comes_back(store: Store) -> None:
    for name in NAMES:
        etag = store.put(name, name.encode())
        assert store.get(name) == (name.encode(), etag)
    assert [item.path for item in store.list()] == sorted(NAMES)


def test_put_overwrites_and_changes_the_etag(store: Store) -> None:
    first = store.put("a/b", b"one")
    second = store.put("a/b", b"two")
    assert store.get("a/b") == (b"two", second)
    assert first != second


def test_conditional_get(store: Store) -> None:
    etag = store.put("a", b"one")
    assert store.get_if_changed("a", None) == (b"one", etag)
    assert store.get_if_changed("a", etag) is None
    new = store.put("a", b"two")
    assert store.get_if_changed("a", etag) == (b"two", new)


def test_a_missing_object_is_named(store: Store, tmp_path: Path) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.get("no/such"),
        lambda: store.get_if_changed("no/such", '"etag"'),
        lambda: store.download("no/such", tmp_path / "x", size=3),
        lambda: store.download("no/such", tmp_path / "x", size=3 * PART),
    ]
    for call in calls:
        with pytest.raises(ObjectNotFound, match=f"{store.url}/no/such: does not exist"):
            call()
    assert not (tmp_path / "x").exists()


def test_list_is_by_folder_sorted_and_agrees_with_get(store: Store) -> None:
    etags = {name: store.put(name, name.encode()) for name in ["b/2", "b/1", "bb/1", "a", "b/c/3"]}
    found = store.list("b")
    assert [(item.path, item.size) for item in found] == [("b/1", 3), ("b/2", 3), ("b/c/3", 5)]
    assert store.list("b/") == found
    assert {item.path: item.etag for item in store.list()} == etags
    assert store.list("nothing/here") == []


def test_delete_passes_over_what_is_missing(store: Store) -> None:
    for name in ["d/1", "d/2", "d/3", "keep"]:
        store.put(name, b"x")
    store.delete(["d/0", "d/1", "d/2", "d/1"])
    store.delete([])
    assert [item.path for item in store.list()] == ["d/3", "keep"]


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 4 * PART + 12345])
def test_download_equals_upload(store: Store, tmp_path: Path, size: int) -> None:
    source, target = tmp_path / "source", tmp_path / "cache" / "target"
    source.write_bytes(random.Random(size).randbytes(size))
    etag = store.put("big", source)
    store.download("big", target, size=size, etag=etag)
    assert (
        hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()
    )
    assert names(target.parent) == ["target"]
    assert [item.size for item in store.list()] == [size]


def test_large_bytes_go_in_parts_too(store: Store) -> None:
    body = random.Random(1).randbytes(2 * PART + 7)
    store.put("big", body)
    assert store.get("big")[0] == body


@pytest.mark.parametrize("size", [0, 2, 4, PART + 1])
def test_download_of_another_size_leaves_the_old_file(
    store: Store, tmp_path: Path, size: int
) -> None:
    store.put("a", b"123")
    (tmp_path / "kept").mkdir()
    target = tmp_path / "kept" / "target"
    target.write_bytes(b"old")
    with pytest.raises(StoreError, match=f"/a: 3 bytes instead of {size}"):
        store.download("a", target, size=size)
    assert target.read_bytes() == b"old"
    assert names(target.parent) == ["target"]


def test_download_notices_a_replaced_object(store: Store, tmp_path: Path) -> None:
    etag = store.put("a", b"123")
    store.put("a", b"456")
    with pytest.raises(LostRace):
        store.download("a", tmp_path / "target", size=3, etag=etag)
    assert not (tmp_path / "target").exists()


def test_put_of_a_missing_file_names_it(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="absent: no such file"):
        store.put("a", tmp_path / "absent")


def test_create_and_replace(store: Store) -> None:
    first = store.create("p", b"one")
    with pytest.raises(LostRace, match="/p: somebody else"):
        store.create("p", b"two")
    second = store.replace("p", b"three", first)
    with pytest.raises(LostRace, match="/p: somebody else"):
        store.replace("p", b"four", first)
    with pytest.raises(LostRace, match="/none: somebody else"):
        store.replace("none", b"five", second)
    assert store.get("p") == (b"three", second)
    assert [item.path for item in store.list()] == ["p"]


def test_of_racing_publishers_exactly_one_wins(store: Store) -> None:
    racers, rounds = 4, 25
    barrier = threading.Barrier(racers)

    def publish(racer: int, number: int, etag: str | None) -> str | None:
        barrier.wait()
        try:
            body = f"{racer} in {number}".encode()
            return store.replace("p", body, etag) if etag else store.create("p", body)
        except LostRace:
            return None

    etag: str | None = None
    with ThreadPoolExecutor(racers) as pool:
        for number in range(rounds):
            results: Sequence[str | None] = [
                *pool.map(publish, range(racers), [number] * racers, [etag] * racers)
            ]
            winners = [racer for racer, result in enumerate(results) if result]
            assert len(winners) == 1
            etag = results[winners[0]]
            assert store.get("p") == (f"{winners[0]} in {number}".encode(), etag)


COUNT = """
import sys
from handler.errors import LostRace
from handler.storage.store import Store
store = Store.open(sys.argv[1])
for _ in range(20):
    while True:
        value, etag = store.get("counter")
        try:
            store.replace("counter", b"%d" % (int(value) + 1), etag)
            break
        except LostRace:
            pass
"""


def test_no_increment_of_three_processes_is_lost(shared: Store) -> None:
    shared.put("counter", b"0")
    command = [sys.executable, "-c", COUNT, shared.url]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert shared.get("counter")[0] == b"60"


def test_readers_see_whole_objects_that_belong_to_their_etags(store: Store) -> None:
    bodies = [bytes([65 + n]) * (1 + n * 50_000) for n in range(8)]
    etags = {store.put("p", bodies[0]): bodies[0]}
    seen: list[tuple[bytes, str]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(store.get("p"))

    reader = threading.Thread(target=read)
    reader.start()
    for body in bodies * 3:
        before = len(seen)
        etags[store.put("p", body)] = body
        while len(seen) == before and reader.is_alive():
            time.sleep(0.001)
    done.set()
    reader.join()
    assert all(etags[etag] == body for body, etag in seen)
    assert len({body for body, _ in seen}) > len(bodies) // 2


@pytest.mark.parametrize("path", ESCAPES)
def test_paths_outside_the_store_are_refused(store: Store, tmp_path: Path, path: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.get(path),
        lambda: store.put(path, b"x"),
        lambda: store.create(path, b"x"),
        lambda: store.replace(path, b"x", "etag"),
        lambda: store.download(path, tmp_path / "out", size=1),
        lambda: store.delete([path]),
    ]
    for call in calls:
        with pytest.raises(StoreError, match="is not a path inside the store"):
            call()
    assert names(tmp_path) == []


def test_import_is_light() -> None:
    heavy = [
        *("numpy", "asyncio", "concurrent.futures", "http.client", "urllib.request"),
        *("boto3", "fastapi", "onnxruntime", "logging"),
    ]
    code = f"import sys, handler.storage.store; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        == b"[]\n"
    )
