"""Fixtures that the handler's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.encoder import Encoder
from handler.service import Service
from tests.bucket import bucket
from tests.disks import disk
from tests.library import Library, library
from tests.s3 import s3_server

__all__ = ["bucket", "disk", "library", "s3_server"]


@pytest.fixture(scope="session")
def encoder(tiny_model_dir: Path) -> Encoder:
    """Encoder of the tiny random model."""
    return Encoder.open(tiny_model_dir)


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[TestClient]:
    """The application over the library, with the usual settings."""
    settings = library.settings()
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service), raise_server_exceptions=False) as client:
        yield client
