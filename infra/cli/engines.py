"""Runs of the command line, on the engine that its options name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from handler.errors import InvalidRequest
from handler.onnx_session import Device
from handler.reindex.encode import Engine
from handler.reindex.job import ReindexJob
from infra.cli.index_view import shown
from infra.cli.reindex_view import tell

T = TypeVar("T")


def engine_of(name: str, address: str, device: Device, model: Path, threads: int) -> Engine | None:
    """Return the engine that encodes; None for this process.

    Args:
        name: "local" or "ray".
        address: address of a Ray cluster; empty for a local one.
        device: what the workers of a cluster encode with.
        model: folder of the model bundle.
        threads: CPUs of a local cluster; 0 for all.

    Raises:
        InvalidRequest: a device is named that this process does not use.
    """
    if name == "ray":
        from infra.engines.ray_engine import RayEngine

        return RayEngine(model=model, address=address, device=device, workers=threads, tell=tell)
    if device != "cpu":
        raise InvalidRequest(f"--device {device} is for the workers of a cluster; add --engine ray")
    return None


def run_job(
    job: ReindexJob, run: Callable[[ReindexJob], T], engine: Engine | None, quiet: bool
) -> T:
    """Run a job on an engine, and show its progress and events unless it is to be `quiet`."""
    with shown(quiet=quiet) as progress:
        return run(replace(job, engine=engine, progress=progress, tell=tell))
