"""Compare-and-swap on Google Cloud Storage, which compares generations instead of ETags."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from handler.errors import LostRace
from handler.storage.store import Store


class Bucket(BaseHTTPRequestHandler):
    """The part of Google's XML interface that a conditional write needs; generation 0: absent."""

    objects: dict[str, tuple[int, bytes]] = {}  # noqa: RUF012
    clock = iter(range(1000, 2000))

    def do_HEAD(self) -> None:
        self.answer(200 if self.path in self.objects else 404)

    def do_GET(self) -> None:
        self.answer(200 if self.path in self.objects else 404)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        condition = self.headers["x-goog-if-generation-match"]
        if condition is not None and int(condition) != self.objects.get(self.path, (0, b""))[0]:
            return self.answer(412)
        self.objects[self.path] = next(self.clock), body
        return self.answer(200)

    def answer(self, status: int) -> None:
        generation, body = self.objects.get(self.path, (0, b""))
        body = body if status == 200 else b""
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body) if self.command != "PUT" else 0))
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 12:00:00 GMT")
        self.send_header("ETag", f'"etag-{generation}"')
        self.send_header("x-goog-generation", str(generation))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        account = {
            "gcs_base_url": url,
            "disable_oauth": True,
            "client_email": "",
            "private_key": "",
        }
        (tmp_path / "account.json").write_text(json.dumps(account | {"private_key_id": ""}))
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(tmp_path / "account.json"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)  # allows plain http
        yield Store.open("gs://bucket/pre", retries=0)
        server.shutdown()


def test_create_and_replace(store: Store) -> None:
    first = store.create("p", b"one")
    with pytest.raises(LostRace):
        store.create("p", b"two")
    second = store.replace("p", b"three", first)
    with pytest.raises(LostRace):
        store.replace("p", b"four", first)
    with pytest.raises(LostRace):
        store.replace("none", b"five", second)
    assert store.get("p") == (b"three", second)
