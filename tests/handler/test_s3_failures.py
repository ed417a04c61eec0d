"""A server that breaks off, is slow or gone: the old version serves, no half-written one."""

import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from handler.errors import QuerytowerError, StoreError
from tests.bucket import Bucket, refreshed, refused, search
from tests.disks import Mount
from tests.function import ROOT
from tests.library import BOOKS, FILMS, write_corpus
from tests.proxy import Fault
from tests.s3 import environment

FILE = "/files/"


@pytest.mark.parametrize("fault", [Fault(FILE, "GET", cut=10), Fault(FILE, "GET", shorten=10)])
def test_a_server_that_fails_in_the_middle_of_a_download(
    bucket: Bucket, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    old = bucket.publish(BOOKS)
    service = bucket.service()
    before = search(service).hits
    new = bucket.publish(FILMS)
    bucket.proxy.faults.append(fault)
    assert f"of version {new}: " in refused(service, capsys)
    assert (service.index().manifest.version, search(service).hits) == (old, before)
    with pytest.raises(StoreError, match=f"of version {new}: "):
        bucket.service(cache=str(bucket.scratch / "other")).index()
    assert bucket.cached() == [old]
    assert [*bucket.scratch.glob("other/*/*")] == []
    bucket.proxy.faults.clear()
    refreshed(service, new)


def test_no_request_waits_for_a_slow_look_at_the_pointer(bucket: Bucket) -> None:
    bucket.publish(BOOKS)
    service = bucket.service(store_timeout=60)
    search(service)
    bucket.proxy.faults.append(Fault(delay=60))
    request = threading.Thread(target=search, args=(service,))
    request.start()
    request.join(20)
    assert not request.is_alive()


@pytest.mark.parametrize(
    "fault", [Fault(delay=30), Fault(FILE, "GET", stall=(10, 30))], ids=["silent", "stalled"]
)
def test_a_slow_server_holds_nobody_up(
    bucket: Bucket, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    old = bucket.publish(BOOKS)
    service = bucket.service(store_timeout=0.3)
    before = search(service).hits
    new = bucket.publish(FILMS)
    bucket.proxy.faults.append(fault)
    answers = [
        search(service) for _ in range(3)
    ]  # each of these would take half a minute if it waited
    assert all(answer.hits == before for answer in answers)
    assert "no answer in time" in refused(service, capsys)
    assert service.index().manifest.version == old
    bucket.proxy.faults.clear()
    refreshed(service, new)


def test_an_upload_that_fails_leaves_nothing(bucket: Bucket) -> None:
    bucket.proxy.faults.append(Fault(r"/files/", "PUT", status=403, code="AccessDenied"))
    with pytest.raises(
        StoreError, match=r"/files/[0-9a-f]{64}: permission denied; check the credentials"
    ):
        bucket.publish(BOOKS)
    assert [path for path in bucket.objects() if not re.search("/(files|parts)/", path)] == []


def test_control_c_during_the_upload_leaves_nothing(bucket: Bucket) -> None:
    bucket.proxy.faults.append(Fault(r"/files/", "PUT", delay=1))
    corpus = write_corpus(bucket.scratch / "books.jsonl", BOOKS)
    command = ["index", str(corpus), "--to", bucket.url, "--model", str(bucket.model)]
    (bucket.scratch / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", "from infra.cli.main import main; main()", *command],
        env={
            **environment(bucket.proxy.url),
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(bucket.scratch / "tmp"),
            "ORT_DISABLE_TELEMETRY": "1",  # it leaves a file in TMPDIR
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(request.method == "PUT" for request in bucket.proxy.requests):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "Traceback" not in errors
    # Files that no version names are swept by a prune, and parts, from which the next run goes on.
    assert [path for path in bucket.objects() if not re.search("/(files|parts)/", path)] == []
    assert [*(bucket.scratch / "tmp").iterdir()] == []


def test_a_full_cache_is_named_and_the_old_version_serves(
    bucket: Bucket, disk: Mount, capsys: pytest.CaptureFixture[str]
) -> None:
    old = bucket.publish(BOOKS)
    cache = disk("size=1m")
    service = bucket.service(cache=str(cache))
    before = search(service).hits
    (cache / "taken").write_bytes(b"x" * (shutil.disk_usage(cache).free - 8192))
    new = bucket.publish(BOOKS)
    assert re.search(rf"{cache}/.*: the disk is full; free space", refused(service, capsys))
    assert (service.index().manifest.version, search(service).hits) == (old, before)
    (cache / "taken").unlink()
    refreshed(service, new)


def test_a_cache_that_is_no_folder_is_named(bucket: Bucket) -> None:
    bucket.publish(BOOKS)
    (bucket.scratch / "file").touch()
    with pytest.raises(
        StoreError, match=r"/file/\w+ can't be written: .*; free space or set QUERYTOWER_CACHE"
    ):
        bucket.service(cache=str(bucket.scratch / "file")).index()


def test_an_unreachable_server_is_named(bucket: Bucket) -> None:
    bucket.proxy.faults.append(Fault(cut=0))
    with pytest.raises(QuerytowerError, match=f"{bucket.url}/indexes/default/current.json: "):
        bucket.service().index()
