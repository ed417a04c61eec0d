"""A Hugging Face hub on loopback, with as much of its interface as a download uses."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves the files of `folder` as the model `name`; `lies` maps files to false contents."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.folder = name, folder
        self.lies: dict[str, bytes] = {}
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def siblings(self) -> list[dict[str, object]]:
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [self._describe(path) for path in files]

    def _describe(self, path: Path) -> dict[str, object]:
        content = path.read_bytes()
        entry: dict[str, object] = {
            "rfilename": path.relative_to(self.folder).as_posix(),
            "size": len(content),
        }
        if path.suffix == ".safetensors":
            digest = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {
                "sha256": digest,
                "oid": digest,
                "size": len(content),
                "pointerSize": 134,
            }
        return entry


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.requests.append(path)
        files = f"/{self.server.name}/resolve/{REVISION}/"
        if path.startswith(f"/api/models/{self.server.name}"):
            self._answer_json(path)
        elif path.startswith(files) and (self.server.folder / path.removeprefix(files)).is_file():
            name = path.removeprefix(files)
            self._answer(self.server.lies.get(name) or (self.server.folder / name).read_bytes())
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _answer_json(self, path: str) -> None:
        if "/tree/" in path:
            files = self.server.siblings()
            listing = [
                {"type": "file", "path": f["rfilename"], "oid": "0" * 40, **f} for f in files
            ]
            return self._answer(json.dumps(listing).encode())
        info = {"id": self.server.name, "sha": REVISION, "siblings": self.server.siblings()}
        return self._answer(json.dumps(info).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serve(name: str, folder: Path) -> Iterator[Hub]:
    """Run a hub until the block ends."""
    with Hub(name, folder) as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.shutdown()
