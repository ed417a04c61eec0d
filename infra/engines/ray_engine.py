"""Encoding on a Ray cluster, or on a local one that lives as long as the run.

Ray Data, and not Daft or Ray's own tasks: with each it was measured what happens when a worker, a
node or the driver is killed, and Ray Data alone finished quickly with the same parts.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handler.errors import InvalidRequest, install_command
from handler.onnx_session import Device
from handler.reindex.encode import Report
from handler.reindex.parts import Parts
from handler.reindex.slices import Slice
from infra.engines.ray_worker import Made, RayWorker
from infra.engines.watch import EngineFailed, watched

OBJECT_STORE_BYTES = 256 << 20
"""Ray would take a third of the memory; names of slices and one model are all that it carries."""


@dataclass(frozen=True, kw_only=True)
class RayEngine:
    """Hands the slices out to the workers of a cluster.

    Attributes:
        model: folder of the model bundle, which workers get from here.
        address: address of the cluster, such as ray://head:10001 or 10.0.0.5:6379; empty: what
            RAY_ADDRESS says, or a local one.
        device: what the workers encode with.
        workers: most CPUs of a local cluster; 0 for all.
        tell: is told of silence.
    """

    model: Path
    address: str = ""
    device: Device = "cpu"
    workers: int = 0
    tell: Callable[..., None] = lambda *_, **__: None

    def __call__(self, pieces: Iterator[Slice], parts: Parts, report: Report, /) -> None:
        """Return when all parts are in the store.

        Raises:
            EngineFailed: a worker or Ray failed, or nothing was heard of them for too long.
            StoreError: the store fails.
        """
        sizes = parts.hand_out(pieces)
        done = 0
        report(done)
        if not sizes:
            return
        parts.workshop.lend_model(self.model)
        with self._connected() as ray:
            for made in watched(lambda: self._made(ray, parts, [*sizes]), self.tell):
                if made["problem"]:
                    raise EngineFailed(
                        f"a worker could not encode a slice: {made['problem']}; finished parts are "
                        "kept: mend it and run again"
                    )
                done += sizes[made["name"]]
                report(done)

    def _made(self, ray: Any, parts: Parts, names: list[str]) -> Iterator[Made]:
        folder = parts.workshop.folder
        gpus = {"num_gpus": 1} if self.device == "cuda" else {}
        workers = int(ray.cluster_resources().get("GPU" if gpus else "CPU", 0)) or 1
        # Ray Data restarts actors and repeats tasks without end: parts are the same however often
        # they are made. Never allow errored blocks: with a dead actor, Ray Data would hang.
        made = ray.data.from_items(names, override_num_blocks=len(names)).map(
            RayWorker,
            fn_constructor_kwargs={
                "store": folder.store.url,
                "folder": folder.path,
                "device": self.device,
            },
            compute=ray.data.ActorPoolStrategy(
                min_size=1, initial_size=min(workers, len(names)), max_size=len(names)
            ),
            num_cpus=1,
            **gpus,
        )
        return iter(made.iter_rows())

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            import ray
            import ray.data
        except ImportError as cause:
            raise InvalidRequest(
                f"this engine needs Ray ({cause}); install it with: {install_command('ray')}"
            ) from cause
        logging.getLogger("ray").setLevel(logging.ERROR)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        address = self.address or os.environ.get("RAY_ADDRESS", "")
        local: dict[str, Any] = {
            "include_dashboard": False,
            "num_cpus": self.workers or None,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
        try:
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level="ERROR",
                **({} if address else local),
            )
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as cause:
            raise EngineFailed(
                f"there is no Ray cluster at {address or 'this machine'}: {cause}; check the address "
                "with: ray status"
            ) from cause
        try:
            self._check_device(ray, address)
            context = ray.data.DataContext.get_current()
            context.enable_progress_bars = False
            # It has set a level of its own by now.
            logging.getLogger("ray.data").setLevel(logging.ERROR)
            yield ray
        finally:
            ray.shutdown()

    def _check_device(self, ray: Any, address: str) -> None:
        if self.device == "cuda" and not ray.cluster_resources().get("GPU"):
            raise EngineFailed(
                f"no worker of the Ray cluster at {address or 'this machine'} has a GPU; start one "
                "that has, or use device cpu"
            )
