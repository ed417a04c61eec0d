"""The files that make a Ray cluster: complete, of one version, and with no more rights than needed."""

from typing import Any

import pytest
import yaml

from tests.function import ROOT

RAY = ROOT / "infra/ray"


@pytest.fixture
def cluster() -> dict[str, Any]:
    return yaml.safe_load((RAY / "kuberay.yaml").read_text())  # type: ignore[no-any-return]


def groups(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    return [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]


def test_the_manifest_has_what_kuberay_requires(cluster: dict[str, Any]) -> None:
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    for group in groups(cluster):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        [container] = group["template"]["spec"]["containers"]
        assert {"name", "image", "resources"} <= set(container)
        assert container["resources"]["requests"]["memory"]
    for group in cluster["spec"]["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        assert group["groupName"]
    assert cluster["spec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_containers_have_no_rights_they_do_not_need(cluster: dict[str, Any]) -> None:
    for group in groups(cluster):
        [container] = group["template"]["spec"]["containers"]
        rights = container["securityContext"]
        assert rights["runAsNonRoot"]
        assert not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]}


def test_the_versions_of_ray_are_those_that_are_tested(cluster: dict[str, Any]) -> None:
    pins = (ROOT / "requirements/beyond.txt").read_text().splitlines()
    [pin] = [line for line in pins if line.startswith("ray==")]
    assert f"ray=={cluster['spec']['rayVersion']} " in pin
