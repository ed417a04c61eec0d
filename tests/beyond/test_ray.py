"""Encoding on a real Ray cluster, in a network namespace of its own, with something killed."""

import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest
import yaml

from tests.function import ROOT

BOOKS = ROOT / "infra/demo/corpus.jsonl"


def can_unshare() -> bool:
    done = subprocess.run(
        ["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, check=False
    )
    return done.returncode == 0


needs_namespace = pytest.mark.skipif(
    not (which("unshare") and which("ip") and can_unshare()),
    reason="Ray listens on all interfaces, and no network namespace can be made here",
)


@needs_namespace
def test_whoever_is_killed_the_parts_are_those_of_a_local_run(model_dir: Path) -> None:
    program = [sys.executable, "-m", "infra.bench.beyond.ray_proof", str(BOOKS), str(model_dir)]
    done = subprocess.run(
        [*program, "--least", "8", "--victims", "worker,node,driver"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("parts, the same") == 1


def test_the_file_for_ray_up_is_one_that_ray_accepts() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((ROOT / "infra/ray/cluster.yaml").read_text())
    prepared = prepare_config(config)
    validate_config(prepared)
    assert prepared["available_node_types"]["worker"]["max_workers"] == 20
