"""A store in a bucket of a real server, behind a proxy that can fail."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handler.search.answer import Answer
from handler.search.request import SearchRequest
from handler.service import Service
from handler.settings import Settings
from handler.storage.store import Store
from tests.library import Library, add_index
from tests.proxy import Proxy
from tests.s3 import S3Server, environment


@dataclass(frozen=True, slots=True)
class Bucket:
    """A store in a new bucket behind a proxy, and a function's cache."""

    url: str
    proxy: Proxy
    model: Path
    scratch: Path

    def publish(self, records: list[dict[str, Any]]) -> str:
        """Publish records as a new version and return its name."""
        return add_index(self.url, self.model, records, self.scratch).version

    def service(self, **changes: Any) -> Service:
        """Return a new process's service, with the cache of the one before."""
        common = {"poll_seconds": 0.0, "store_timeout": 1.0, "cache": str(self.scratch / "cache")}
        return Service.open(
            Settings(**{"store": self.url, "model": str(self.model), **common, **changes})
        )

    def objects(self) -> list[str]:
        """Return the paths of all objects."""
        return [each.path for each in Store.open(self.url).list()]

    def cached(self) -> list[str]:
        """Return the names of what lies beside the versions in the cache, hidden names included."""
        return sorted(
            path.name for folder in self.scratch.glob("cache/*") for path in folder.iterdir()
        )


@pytest.fixture
def bucket(
    library: Library,
    s3_server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bucket]:
    with Proxy(s3_server.url) as proxy:
        for name, value in environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        yield Bucket(f"s3://{s3_server.create_bucket()}/books", proxy, library.model, tmp_path)


def search(service: Service, text: str = "tide") -> Answer:
    return service.searcher.search(
        service.index(), SearchRequest(query=text, highlight=True, explain=True)
    )


def refreshed(service: Service, version: str) -> None:
    """Wait until the service has swapped to `version`."""
    limit = time.monotonic() + 20
    while service.index().manifest.version != version:
        assert time.monotonic() < limit


def refused(service: Service, capsys: pytest.CaptureFixture[str]) -> str:
    """Wait until the service has refused a new version, and return what it logged."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        service.index()
        for line in capsys.readouterr().out.splitlines():
            if json.loads(line)["event"] == "refresh_failed":
                return str(json.loads(line)["problem"])
    raise AssertionError("nothing was refused")
