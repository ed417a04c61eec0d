"""The file for `ray up`, as Ray itself reads it."""

import yaml

from tests.function import ROOT


def test_the_file_for_ray_up_is_one_that_ray_accepts() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((ROOT / "infra/ray/cluster.yaml").read_text())
    prepared = prepare_config(config)
    validate_config(prepared)
    assert prepared["available_node_types"]["worker"]["max_workers"] == 20
