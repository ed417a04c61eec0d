"""What a function does when Lambda restores it, through the runtime's own hook registry."""

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from handler.encoder import Encoder
from handler.search.lucky import lucky
from handler.service import Service
from handler.settings import Settings
from handler.storage.store import Store
from handler.versions.repository import IndexRepository
from tests.bucket import Bucket
from tests.library import FILMS, Library, add_index, index_corpus
from tests.proxy import Fault, Proxy
from tests.s3 import S3Server, environment

RESTORED = """
import json, sys
import snapshot_restore_py
from pathlib import Path
from handler import main
from handler.encoder import Encoder
from handler.storage.store import Store
from handler.versions.repository import IndexRepository
from tests.library import index_corpus

before = main.service().index().manifest.version
store = Store.open(sys.argv[1])
repository = IndexRepository(store, "default")
index_corpus(Path(sys.argv[2]), Path(sys.argv[3]), repository, main.service().encoder)
polled = main.service().index().manifest.version
hooks = snapshot_restore_py.get_after_restore()
for function, arguments, keywords in hooks:
    function(*arguments, **keywords)
after = main.service().index().manifest.version
print(json.dumps({"hooks": len(hooks), "before": before, "polled": polled, "after": after}))
"""


def test_a_restored_function_looks_for_a_newer_index_at_once(
    tiny_model_dir: Path, encoder: Encoder, tmp_path: Path
) -> None:
    pytest.importorskip("snapshot_restore_py", reason="comes with awslambdaric")
    store, corpus = tmp_path / "store", tmp_path / "corpus.jsonl"
    corpus.write_text('{"id": "a", "text": "first"}\n')
    first = index_corpus(
        corpus, tmp_path / "rejects", IndexRepository(Store.open(str(store)), "default"), encoder
    )
    corpus.write_text('{"id": "a", "text": "first"}\n{"id": "b", "text": "second"}\n')
    environment = os.environ | {
        "QUERYTOWER_STORE": str(store),
        "QUERYTOWER_MODEL": str(tiny_model_dir),
        "QUERYTOWER_POLL_SECONDS": "3600",
        "_HANDLER": "handler.main.http",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
    }
    arguments = [sys.executable, "-c", RESTORED, str(store), str(corpus), str(tmp_path / "rejects")]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = lines[-1]
    assert found["hooks"] == 1
    assert found["before"] == found["polled"] == first.version
    assert found["after"] > first.version
    assert lines[-2]["event"] == "restored"
    assert lines[-2]["Restore"] > 0


def test_copies_of_a_snapshot_draw_different_documents(library: Library) -> None:
    index = Service.open(library.settings()).index()
    state = random.getstate()
    draws = []
    for _ in range(2):  # a snapshot holds the state of every generator of the process
        random.setstate(state)
        draws.append([lucky(index).id for _ in range(50)])
    assert draws[0] != draws[1]


def test_a_cold_start_is_logged_with_its_stages_and_as_a_metric(
    tiny_model_dir: Path, encoder: Encoder, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"id": "a", "text": "first"}\n')
    repository = IndexRepository(Store.open(str(tmp_path / "store")), "default")
    index_corpus(corpus, tmp_path / "rejects", repository, encoder)
    environment = os.environ | {
        "QUERYTOWER_STORE": str(tmp_path / "store"),
        "QUERYTOWER_MODEL": str(tiny_model_dir),
        "AWS_LAMBDA_FUNCTION_NAME": "search",
        "_HANDLER": "handler.main.http",
    }
    command = [sys.executable, "-c", "import handler.main"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    line = json.loads(done.stdout)
    before, beside = (
        ("imports_ms", "app_ms"),
        ("model_ms", "first_inference_ms", "index_fetch_ms", "index_open_ms"),
    )
    assert line["event"] == "cold_start"
    assert all(line[stage] > 0 for stage in (*before, *beside, "first_search_ms"))
    assert sum(line[stage] for stage in before) <= line["ColdStart"] + 1
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Metrics"] == [{"Name": "ColdStart", "Unit": "Milliseconds"}]
    assert (directive["Dimensions"], line["FunctionName"]) == ([["FunctionName"]], "search")


def test_a_store_that_is_silent_does_not_hold_up_a_restore(
    tiny_model_dir: Path,
    s3_server: S3Server,
    encoder: Encoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Proxy(s3_server.url) as proxy:
        for name, value in environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        corpus = tmp_path / "corpus.jsonl"
        corpus.write_text('{"id": "a", "text": "first"}\n')
        url = f"s3://{s3_server.create_bucket()}/store"
        repository = IndexRepository(Store.open(url), "default")
        made = index_corpus(corpus, tmp_path / "rejects", repository, encoder)
        service = Service.open(
            Settings(store=url, model=str(tiny_model_dir), cache=str(tmp_path / "cache"))
        )
        assert service.index().manifest.version == made.version
        proxy.faults.append(Fault("", "GET", delay=20))
        before = time.monotonic()
        service.reconnect(1.0)
        assert time.monotonic() - before < 15, "the reconnection waited for the store"
        assert service.index().manifest.version == made.version
        proxy.faults.clear()


class Keys(BaseHTTPRequestHandler):
    """Lambda's endpoint of credentials: each answer has a key of its own, valid for a while."""

    issued: ClassVar[list[str]] = []
    valid: ClassVar = timedelta(hours=1)

    def do_GET(self) -> None:
        assert self.headers["Authorization"] == "the-token"
        self.issued.append(f"AKIA{len(self.issued)}")
        body = {
            "AccessKeyId": self.issued[-1],
            "SecretAccessKey": "secret",
            "Token": "session",
            "Expiration": (datetime.now(UTC) + self.valid).isoformat(),
        }
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Keys]]:
    """Serve credentials as a function with SnapStart gets them."""
    Keys.issued.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name, raising=False)
        address = f"http://127.0.0.1:{server.server_port}/creds"
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the-token")
        yield Keys
        server.shutdown()


def used(bucket: Bucket) -> set[str]:
    """Return the keys of the requests since the last call."""
    found = [re.search("AKIA[0-9]+", str(request.headers)) for request in bucket.proxy.requests]
    del bucket.proxy.requests[:]
    return {match[0] for match in found if match}


def test_a_restored_function_asks_for_credentials_again(
    bucket: Bucket, request: pytest.FixtureRequest
) -> None:
    for name in ("default", "films"):
        add_index(bucket.url, bucket.model, FILMS, bucket.scratch, name)
    keys = request.getfixturevalue("keys")
    used(bucket)
    service = bucket.service(poll_seconds=3600.0)
    service.index()
    assert used(bucket) == {keys.issued[-1]}
    before = set(keys.issued)
    service.reconnect(30.0)
    service.index_names()
    service.index("films")
    assert used(bucket) <= set(keys.issued) - before, "an old key was used after the restore"


def test_credentials_that_expire_are_renewed(
    bucket: Bucket, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_index(bucket.url, bucket.model, FILMS, bucket.scratch)
    keys = request.getfixturevalue("keys")
    monkeypatch.setattr(keys, "valid", timedelta(seconds=-1))
    service = bucket.service()
    service.index()
    used(bucket)
    service.index_names()
    assert used(bucket) == {keys.issued[-1]}
    assert len(keys.issued) > 1
