"""Encoding on a Ray cluster of two workers, while a worker, a node and the driver are killed.

The parts must be those of a local run, to the bit. Needs Linux with `unshare` and `ip`, as Ray
listens on all interfaces: all runs in a network namespace that has the loopback interface alone.

.venv-beyond/bin/python -m infra.bench.beyond.ray_proof CORPUS MODEL [--least N]
"""

import argparse
import hashlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.engines.ray_engine import OBJECT_STORE_BYTES

VICTIMS = ("nobody", "worker", "node", "driver", "worker,node,driver")
INSIDE = "BENCH_NAMESPACE"
PATIENCE = 300.0


class Proof:
    """A corpus and a model, and the parts that a local run makes of them."""

    def __init__(self, corpus: Path, model: Path, folder: Path, least: int) -> None:
        """Encode the corpus locally; stores are made in `folder`."""
        self.folder = folder
        self._corpus, self._model, self._least = corpus, model, least
        before = cpu_seconds()
        self.run(folder / "local")
        self.plain_seconds = cpu_seconds() - before
        self.parts = parts_of(folder / "local")

    def run(self, store: Path, *more: str) -> None:
        """Encode into a store and wait for the end.

        Raises:
            CalledProcessError: the run failed.
        """
        subprocess.run(self._command(store, *more), check=True)

    def start(self, store: Path, address: str) -> subprocess.Popen[bytes]:
        """Start to encode on a cluster."""
        return subprocess.Popen(self._command(store, *on_ray(address)))

    def _command(self, store: Path, *more: str) -> list[str]:
        program = [sys.executable, "-m", "infra.bench.beyond.encode"]
        places = [str(self._corpus), str(store), str(self._model)]
        return [*program, *places, "--least", str(self._least), *more]


def on_ray(address: str) -> list[str]:
    """Return the options that choose a cluster."""
    return ["--engine", "ray", "--ray-address", address]


def parts_of(store: Path) -> dict[str, str]:
    """Return the sha256 of each part in a store, by name."""
    files = store.glob("indexes/default/work/*/parts/*")
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if "#" not in file.name  # a file that is being written
    }


def cpu_seconds() -> float:
    """Return the CPU seconds of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def disturbed(proof: Proof, cluster: Any, victims: str) -> dict[str, str]:
    """Encode on the cluster, kill each of the `victims` after two more parts; return the parts.

    Raises:
        TimeoutError: the run hangs.
        CalledProcessError: it failed.
        RuntimeError: it was over too early; take more documents or smaller slices.
    """
    store = proof.folder / victims
    driver = proof.start(store, cluster.address)
    try:
        for victim in victims.split(","):
            wait_for_parts(store, driver, len(parts_of(store)) + 2)
            if driver.poll() is not None:
                raise RuntimeError(f"the run was over before there was a {victim} to kill")
            if victim == "worker":
                os.kill(encoding_workers(cluster)[0], signal.SIGKILL)
            elif victim == "node":
                cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
                add_worker(cluster)
            elif victim == "driver":
                driver.kill()
                driver.wait()
                driver = proof.start(store, cluster.address)
        if code := driver.wait(PATIENCE):
            raise subprocess.CalledProcessError(code, driver.args)
    finally:
        driver.kill()
        driver.wait()
    return parts_of(store)


def wait_for_parts(store: Path, driver: subprocess.Popen[bytes], count: int) -> None:
    """Return when there are `count` parts, or when the run is over."""
    end = time.monotonic() + PATIENCE
    while len(parts_of(store)) < count and driver.poll() is None:
        if time.monotonic() > end:
            raise TimeoutError(f"no part was made in {PATIENCE:.0f} seconds")
        time.sleep(0.02)


def encoding_workers(cluster: Any) -> list[int]:
    """Return the processes of the cluster that encode."""
    raylets = {
        str(info.process.pid)
        for node in cluster.list_all_nodes()
        for info in node.all_processes["raylet"]
    }
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if parent in raylets and b"RayWorker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has ended
            continue
    return found


def two_workers() -> Any:
    """Start a head without CPUs and two workers with one each, on this machine."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    add_worker(cluster)
    add_worker(cluster)
    return cluster


def add_worker(cluster: Any) -> None:
    """Add a worker with one CPU."""
    cluster.add_node(num_cpus=1, object_store_memory=OBJECT_STORE_BYTES)


def enter_namespace(arguments: Sequence[str]) -> None:
    """Run this program again in a network namespace of its own, unless it is in one."""
    if os.environ.get(INSIDE):
        return
    script = 'ip link set lo up && exec "$@"'
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    again = [sys.executable, "-m", "infra.bench.beyond.ray_proof", *arguments]
    os.environ |= {INSIDE: "1", "RAY_USAGE_STATS_ENABLED": "0"}
    os.execvp(  # noqa: S606 (the shell is part of what is run)
        "unshare", ["unshare", "--net", *user, "sh", "-c", script, "sh", *again]
    )


def main() -> None:
    """Run the proof, and print a line for each victim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--least", type=int, default=128)
    parser.add_argument("--victims", nargs="*", default=VICTIMS)
    options = parser.parse_args()
    enter_namespace(sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        proof = Proof(options.corpus, options.model, Path(folder), options.least)
        print(f"local: {len(proof.parts)} parts, {proof.plain_seconds:.0f} CPU seconds", flush=True)
        wrong = [each for each in options.victims if not _proved(proof, each)]
    sys.exit(f"other parts than those of the local run: {', '.join(wrong)}" if wrong else 0)


def _proved(proof: Proof, victim: str) -> bool:
    before = cpu_seconds()
    cluster = two_workers()
    try:
        parts = disturbed(proof, cluster, victim)
    finally:
        cluster.shutdown()
    same = parts == proof.parts
    seconds = cpu_seconds() - before
    print(
        f"{victim} killed: {len(parts)} parts, {'the same' if same else 'NOT the same'}, "
        f"{seconds:.0f} CPU seconds, {seconds / proof.plain_seconds:.2f} x",
        flush=True,
    )
    return same and bool(parts)


if __name__ == "__main__":
    main()
