"""Warm functions follow a publish under load: none fails, and no answer mixes versions."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from handler.app import create_app
from handler.encoder import Encoder
from handler.service import Service
from handler.settings import Settings
from handler.versions.rollback import rollback
from tests.handler.reindexing import Counting, Place, record
from tests.s3 import S3Server, environment, free_port

CLIENTS = 4
DOCUMENTS = 30


class Clients:
    """Ask without a pause until they are stopped."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: list[tuple[str, str, set[int], int]] = []
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)
        ]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def versions(self) -> set[str]:
        return {version for version, *_ in self.answers}

    def wait_for(self, version: str) -> None:
        limit = time.monotonic() + 30
        while version not in self.versions():
            assert time.monotonic() < limit
            time.sleep(0.01)

    def _ask(self, number: int) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        mode = ("hybrid", "semantic", "keyword", "hybrid")[number % 4]
        page = 0
        while not self._stop.is_set():
            page = (page + 10) % DOCUMENTS
            url = f"{self.address}/search?q=copyright+notice+work&mode={mode}&k=10&offset={page}"
            try:
                with opener.open(url, timeout=30) as answer:
                    body: dict[str, Any] = json.load(answer)
                    named = answer.headers["X-Index-Version"]
            except OSError as error:
                self.failures.append(str(error))
                continue
            generations = {hit["metadata"]["generation"] for hit in body["hits"]}
            self.answers.append((body["index_version"], named, generations, len(body["hits"])))


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Serve the application on loopback and yield its address."""
    service = Service.open(settings)
    port = free_port()
    config = uvicorn.Config(create_app(settings, lambda: service), port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_swaps_under_load(
    encoder: Encoder,
    tiny_model_dir: Path,
    s3_server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    for name, value in environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    url = f"s3://{s3_server.create_bucket()}" if kind == "bucket" else ""
    place = Place(tmp_path, Counting(encoder), url)

    def publish(generation: int) -> str:
        place.write("a.jsonl", [record(f"d{n}", generation=generation) for n in range(DOCUMENTS)])
        return place.run().version

    of = {publish(0): 0}
    settings = Settings(
        store=place.store.url,
        model=str(tiny_model_dir),
        cache=str(tmp_path / "cache"),
        poll_seconds=0.05,
    )
    with served(settings) as address, Clients(address) as clients:
        for generation in (1, 2, 3):
            clients.wait_for(version := publish(generation))
            of[version] = generation
        back = rollback(place.repository, next(iter(of)))
        before = len(clients.answers)
        limit = time.monotonic() + 30
        while back.version not in {version for version, *_ in clients.answers[before:]}:
            assert time.monotonic() < limit
            time.sleep(0.01)
    assert clients.failures == []
    assert clients.versions() == {*of}
    for version, named, generations, _ in clients.answers:
        assert named == version
        assert generations <= {of[version]}, "a page mixes versions"
    assert {hits for *_, hits in clients.answers} <= {0, 10}
    assert 10 in {hits for *_, hits in clients.answers}
