"""Fixtures that the handler's tests share."""

from pathlib import Path

import pytest

from handler.encoder import Encoder
from tests.bucket import bucket
from tests.disks import disk
from tests.library import library
from tests.s3 import s3_server

__all__ = ["bucket", "disk", "library", "s3_server"]


@pytest.fixture(scope="session")
def encoder(tiny_model_dir: Path) -> Encoder:
    """Encoder of the tiny random model."""
    return Encoder.open(tiny_model_dir)
