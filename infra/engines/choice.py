"""Which engine a command line asks for."""

import os
from pathlib import Path
from typing import Literal, get_args

from handler.encoder import Encoder
from handler.errors import InvalidRequest
from handler.onnx_session import Device
from handler.reindex.encode import Engine

EngineName = Literal["local", "ray"]
ENGINES = get_args(EngineName)
DEVICES = get_args(Device)


def engine_of(
    name: str, model: Path, *, device: str = "cpu", address: str = "", threads: int = 0
) -> Engine | None:
    """Return the engine of that name, or None for this process.

    Args:
        name: one of ENGINES.
        model: folder of the model bundle.
        device: one of DEVICES, which the workers encode with.
        address: address of a Ray cluster; empty for RAY_ADDRESS, or a local one.
        threads: most CPUs of a local cluster; 0 for all.

    Raises:
        InvalidRequest: there is no such engine, or no such device.
    """
    if name not in ENGINES:
        raise InvalidRequest(f"--engine is {name!r}; use one of {', '.join(ENGINES)}")
    known = device_of(device)
    if name == "local":
        return None
    from infra.cli.reindex_view import tell
    from infra.engines.ray_engine import RayEngine

    return RayEngine(model=model, address=address, device=known, workers=threads, tell=tell)


def encoder_for(engine: str, model: Path, threads: int, device: str) -> Encoder:
    """Return the encoder of this process, which uses the device unless workers do.

    Raises:
        InvalidRequest: there is no such device.
        ModelError: the model can't be opened, or the device is not there.
    """
    here = device_of(device) if engine == "local" else "cpu"
    return Encoder.open(model, threads or os.cpu_count() or 1, here)


def device_of(name: str) -> Device:
    """Return the device of that name.

    Raises:
        InvalidRequest: there is no such device.
    """
    for device in DEVICES:
        if device == name:
            return device  # type: ignore[no-any-return]
    raise InvalidRequest(f"--device is {name!r}; use one of {', '.join(DEVICES)}")
