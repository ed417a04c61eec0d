"""Failures of server, network and credentials: the real server behind a faulty proxy."""

import json
import threading
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from handler.errors import LostRace, ObjectNotFound, StoreError
from handler.storage.store import PART, SMALL, Store
from tests.proxy import Fault, Proxy
from tests.s3 import S3Server, environment, free_port, run_server, s3_server  # noqa: F401

RETRIES = 1
SECRET = (
    "<AWSAccessKeyId>AKIATESTTESTTEST</AWSAccessKeyId><StringToSign>not-a-secret</StringToSign>"
)


@pytest.fixture
def proxy(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:  # noqa: F811
    with Proxy(s3_server.url) as proxy:
        for name, value in environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def store(s3_server: S3Server, proxy: Proxy) -> Store:  # noqa: F811
    return Store.open(f"s3://{s3_server.create_bucket()}/pre", retries=RETRIES)


@pytest.fixture
def impatient(store: Store) -> Store:
    return Store.open(store.url, timeout=1, retries=RETRIES)


def every_call(store: Store, folder: Path) -> list[Callable[[], object]]:
    return [
        lambda: store.get("p"),
        lambda: store.get_if_changed("p", '"etag"'),
        lambda: store.download("p", folder / "p", size=1),
        lambda: store.list("p"),
        lambda: store.put("p", b"1"),
        lambda: store.create("p", b"1"),
        lambda: store.replace("p", b"1", '"etag"'),
        lambda: store.delete(["p"]),
    ]


def test_a_refusal_that_hides_a_missing_object(store: Store, proxy: Proxy) -> None:
    """S3 answers so if the caller may list a folder of the bucket but not the bucket."""
    store.put("indexes/there", b"1")
    hidden = r"/indexes/(there|gone)"
    proxy.faults.append(Fault(hidden, "GET|HEAD", status=403, code="AccessDenied"))
    for read in (store.get, store.head):
        with pytest.raises(ObjectNotFound, match=f"{store.url}/indexes/gone: does not exist"):
            read("indexes/gone")
        expect(partial(read, "indexes/there"), "permission denied")


def expect(call: Callable[[], object], message: str) -> None:
    """Expect a StoreError with this message, without secrets anywhere in what a log would show."""
    with pytest.raises(StoreError, match=message) as caught:
        call()
    assert type(caught.value) is StoreError
    shown = "".join(traceback.format_exception(caught.value))
    assert "AKIATEST" not in shown
    assert "not-a-secret" not in shown


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            Fault(status=403, code="AccessDenied", details=SECRET),
            r"permission denied; .* \(403( AccessDenied)?\)",
        ),
        (Fault(status=500), r"the server fails or is overloaded; try again later \(500"),
        (
            Fault(status=503, code="SlowDown"),
            r"the server fails or is overloaded; try again later \(503 SlowDown\)",
        ),
        (Fault(status=404, code="NoSuchBucket"), "the bucket does not exist; create it"),
    ],
)
def test_refusals_are_put_into_words(
    store: Store, proxy: Proxy, tmp_path: Path, fault: Fault, message: str
) -> None:
    proxy.faults.append(fault)
    for call in every_call(store, tmp_path):
        expect(call, rf"^{store.url}/p: {message}")


def test_a_missing_bucket_is_not_an_empty_one(proxy: Proxy, tmp_path: Path) -> None:
    store = Store.open("s3://no-such-bucket/pre")
    for call in every_call(store, tmp_path):
        expect(
            call,
            "s3://no-such-bucket/pre/p: the bucket does not exist; create it or correct the URL",
        )


def test_one_bad_answer_is_survived(impatient: Store, proxy: Proxy) -> None:
    impatient.put("p", b"x" * 1000)
    for fault in (Fault(status=500, times=1), Fault(cut=10, times=1), Fault(delay=1.5, times=1)):
        proxy.faults.append(fault)
        assert impatient.get("p")[0] == b"x" * 1000
        assert fault.times == 0


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(delay=5), "no answer in time; check network and endpoint"),
        (Fault(stall=(10, 5)), "no answer in time; check network and endpoint"),
        (Fault(cut=10), "the connection broke in the middle of the transfer"),
    ],
)
def test_patience_is_bounded(impatient: Store, proxy: Proxy, fault: Fault, message: str) -> None:
    impatient.put("p", b"x" * 1000)
    proxy.requests.clear()
    proxy.faults.append(fault)
    expect(lambda: impatient.get("p"), f"{impatient.url}/p: {message}")
    assert len(proxy.requests) == RETRIES + 1


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in environment(f"http://127.0.0.1:{free_port()}").items():
        monkeypatch.setenv(name, value)
    for call in every_call(Store.open("s3://b/pre", timeout=1, retries=1), tmp_path):
        expect(call, "s3://b/pre/p: the server can't be reached; check network and endpoint")


def test_large_downloads_use_parallel_ranges(store: Store, proxy: Proxy, tmp_path: Path) -> None:
    size = 3 * PART + 5
    etag = store.put("big", b"x" * size)
    proxy.requests.clear()
    store.download("big", tmp_path / "big", size=size, etag=etag)
    ranges = sorted(request.headers["range"] for request in proxy.requests)
    starts = range(0, size, PART)
    assert ranges == sorted(f"bytes={start}-{min(start + PART, size) - 1}" for start in starts)
    assert {request.headers["if-match"] for request in proxy.requests} == {etag}


@pytest.mark.parametrize("fault", [Fault(cut=SMALL), Fault(stall=(SMALL, 5)), Fault(shorten=SMALL)])
def test_a_download_that_breaks_leaves_no_file(
    impatient: Store, proxy: Proxy, tmp_path: Path, fault: Fault
) -> None:
    size = 3 * PART
    patient = Store.open(impatient.url)
    patient.put("big", b"x" * size)
    proxy.faults.append(fault)
    with pytest.raises(StoreError, match=f"^{impatient.url}/big: "):
        impatient.download("big", tmp_path / "cache" / "big", size=size)
    assert list((tmp_path / "cache").iterdir()) == []
    proxy.faults.clear()
    patient.download("big", tmp_path / "cache" / "big", size=size)
    assert (tmp_path / "cache" / "big").stat().st_size == size


def test_a_server_that_dies_during_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        run_server(tmp_path) as server,
        Proxy(server.url, faults=[Fault(method="GET", stall=(SMALL, 0.2))]) as slow,
    ):
        for name, value in environment(slow.url).items():
            monkeypatch.setenv(name, value)
        store = Store.open(f"s3://{server.create_bucket()}", retries=0)
        size = 20 * PART
        store.put("big", b"x" * size)
        slow.requests.clear()
        killer = threading.Thread(target=kill_when_asked, args=(server, slow))
        killer.start()
        with pytest.raises(StoreError, match="/big: the server fails"):
            store.download("big", tmp_path / "cache" / "big", size=size)
        killer.join()
    assert list((tmp_path / "cache").iterdir()) == []


def kill_when_asked(server: S3Server, proxy: Proxy) -> None:
    while len(proxy.requests) < 3:
        proxy.pause(0.005)
    server.process.kill()


def test_uploads_go_in_parts_and_leave_nothing_when_they_fail(store: Store, proxy: Proxy) -> None:
    proxy.faults.append(Fault(method="PUT", path="partNumber=2", status=403))
    expect(lambda: store.put("big", b"x" * (3 * PART)), f"{store.url}/big: permission denied")
    assert store.list() == []
    assert [request.method for request in proxy.requests if "uploadId" in request.path].count(
        "DELETE"
    ) == 1


def test_a_slow_upload_is_not_taken_for_a_dead_server(impatient: Store, proxy: Proxy) -> None:
    proxy.faults.append(Fault(method="PUT", delay=2 * impatient.timeout, times=1))
    impatient.put("big", b"x" * (SMALL + 1))
    assert [request.method for request in proxy.requests] == ["PUT"]


@pytest.mark.parametrize("status", [409, 412])
def test_conflict_and_failed_precondition_both_mean_lost(
    store: Store, proxy: Proxy, status: int
) -> None:
    etag = store.put("p", b"old")
    proxy.faults.append(Fault(method="PUT", status=status))
    with pytest.raises(LostRace):
        store.create("q", b"new")
    with pytest.raises(LostRace):
        store.replace("p", b"new", etag)


def test_a_write_whose_answer_got_lost_does_not_lose_against_itself(
    store: Store, proxy: Proxy
) -> None:
    proxy.faults.append(Fault(method="PUT", status=500, lost=True, times=1))
    etag = store.create("p", b"one")
    assert store.get("p") == (b"one", etag)
    proxy.faults.append(Fault(method="PUT", status=500, lost=True, times=1))
    new = store.replace("p", b"two", etag)
    assert store.get("p") == (b"two", new)
    proxy.faults.append(Fault(method="PUT", status=500, times=1))
    with pytest.raises(LostRace):
        store.create("p", b"two")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is not a store; give a folder"),
        ("ftp://host/x", "'ftp://host/x' is not a store"),
        ("s3:/bucket/x", "is not a store"),
        ("s3://", "is not a store"),
        ("https://bucket.s3.amazonaws.com/x", "is not a store"),
        (
            "s3://AKIATESTTESTTEST:not-a-secret@bucket/x",
            "^s3://bucket/x: a storage URL holds no credentials",
        ),
        ("az://box/x?sig=not-a-secret", "^az://box/x: a storage URL holds no credentials"),
        ("az://box/x", "^az://box/x: .*Account must be specified; check the URL and"),
    ],
)
def test_urls_that_are_no_store(url: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    expect(lambda: Store.open(url), message)


class Credentials(BaseHTTPRequestHandler):
    """What a Lambda function with SnapStart finds at AWS_CONTAINER_CREDENTIALS_FULL_URI."""

    def do_GET(self) -> None:
        allowed = (self.path, self.headers["Authorization"]) == ("/credentials", "a token")
        keys = {
            "AccessKeyId": "ASIASNAP",
            "SecretAccessKey": "s",
            "Token": "t",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        body = json.dumps(keys if allowed else {}).encode()
        self.send_response(200 if allowed else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.mark.parametrize(("token", "works"), [("a token", True), ("a wrong token", False)])
def test_credentials_of_a_function_with_snapstart(
    s3_server: S3Server,  # noqa: F811
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    works: bool,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with HTTPServer(("127.0.0.1", 0), Credentials) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            f"http://127.0.0.1:{server.server_port}/credentials",
        )
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", token)
        store = Store.open(f"s3://{s3_server.create_bucket()}", retries=0)
        if works:
            store.put("p", b"1")
            assert "Credential=ASIASNAP/" in proxy.requests[0].headers["authorization"]
        else:
            expect(lambda: store.put("p", b"1"), "/p: no usable credentials; set AWS_ACCESS_KEY_ID")
        server.shutdown()
