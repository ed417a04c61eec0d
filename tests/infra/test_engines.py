"""The engine that the options of a command line name."""

from pathlib import Path

import pytest

from handler.errors import InvalidRequest
from infra.cli.engines import engine_of
from infra.engines.ray_engine import RayEngine


def test_this_machine_encodes_by_default() -> None:
    assert engine_of("local", "", "cpu", Path("model"), 0) is None


def test_a_cluster_gets_what_the_options_say() -> None:
    engine = engine_of("ray", "10.0.0.5:6379", "cuda", Path("model"), 3)
    assert isinstance(engine, RayEngine)
    assert (engine.address, engine.device, engine.workers) == ("10.0.0.5:6379", "cuda", 3)


def test_a_device_without_a_cluster_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="add --engine ray"):
        engine_of("local", "", "cuda", Path("model"), 0)
