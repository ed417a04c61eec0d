"""template.yaml, events and the workflow: the linters' verdict, and what linters do not look at."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml

from tests.infra.stack import ROOT, TOOLS

CLOSED = {"CorsOrigins": "*", "JwtIssuer": "https://issuer.example", "JwtAudience": "one"}
CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
needs_tools = pytest.mark.skipif(
    not (TOOLS / "sam").exists(), reason="SAM and cfn-lint are not here; run: make tools"
)


def _run(tmp_path: Path, *command: str | Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SAM_CLI_TELEMETRY": "0",
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_tools
def test_sam_validates_and_lints(tmp_path: Path) -> None:
    config = ("--region", "eu-west-1")
    _run(tmp_path, TOOLS / "sam", "validate", "--lint", "--template", "template.yaml", *config)


@needs_tools
def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    _run(tmp_path, TOOLS / "cfn-lint", "template.yaml")


@pytest.mark.skipif(not CHECKOV.exists(), reason="checkov is not here; run: make tools")
def test_checkov_finds_nothing_but_what_has_a_reason_beside_it(tmp_path: Path) -> None:
    command: list[str | Path] = [
        CHECKOV,
        "--file",
        "template.yaml",
        "--framework",
        "cloudformation",
        "--skip-download",
        "-o",
        "json",
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert report["results"]["failed_checks"] == []
    assert report["results"]["parsing_errors"] == []
    assert report["summary"]["passed"] > 20
    excused = {
        (each["check_id"], each["resource"].split(".")[1])
        for each in report["results"]["skipped_checks"]
    }
    assert excused == set(_excuses()), "an exception that is no longer needed"


def _excuses() -> Iterator[tuple[str, str]]:
    for name, resource in _as_written()["Resources"].items():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert len(skip["comment"]) > 20
            yield skip["id"], name


def _as_written() -> dict[str, Any]:
    class Tagged(yaml.SafeLoader):
        """Reads every tag of CloudFormation as nothing."""

    Tagged.add_multi_constructor("!", lambda _loader, _suffix, _node: None)
    return yaml.load((ROOT / "template.yaml").read_text("utf-8"), Tagged)  # type: ignore[no-any-return]


def test_every_condition_is_switched(template: dict[str, Any]) -> None:
    body = json.dumps(template["Resources"]) + json.dumps(template["Outputs"])
    for name in template["Conditions"]:
        assert f'"{name}"' in body, f"nothing depends on {name}"


def test_every_parameter_is_explained_grouped_used_and_has_a_default(
    template: dict[str, Any],
) -> None:
    body = json.dumps(
        {key: value for key, value in template.items() if key not in ("Parameters", "Metadata")}
    )
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(
        template["Parameters"]
    )
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"]
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(parameter["Default"]))
        assert f'"Ref": "{name}"' in body or f"${{{name}}}" in body, f"nothing uses {name}"


@needs_tools
@pytest.mark.parametrize(
    "parameters",
    [{}, CLOSED],
    ids=["open", "closed"],
)
def test_sam_local_finds_the_route(parameters: dict[str, str]) -> None:
    program = """
import json, sys
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
stacks, _ = SamLocalStackProvider.get_stacks("template.yaml", parameter_overrides=json.loads(sys.argv[1]))
print(json.dumps([(route.path, route.function_name) for route in ApiProvider(stacks).api.routes]))
"""
    command: list[str | Path] = [TOOLS / "python", "-c", program, json.dumps(parameters)]
    found = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    ).stdout
    assert sorted(json.loads(found)) == [
        ["$default", "SearchFunction"],
        ["/{proxy+}", "SearchFunction"],
    ]


def test_samconfig_asks_for_all_that_the_template_needs(template: dict[str, Any]) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))["default"]
    assert config["deploy"]["parameters"]["capabilities"] == "CAPABILITY_IAM"
    # With a name of its own, a role would need CAPABILITY_NAMED_IAM.
    assert not [
        each for each in template["Resources"].values() if "RoleName" in each.get("Properties", {})
    ]


@pytest.mark.parametrize(
    "name", ["search", "search-get", "health", "ready", "document", "embeddings"]
)
def test_http_events_are_what_the_api_sends(name: str) -> None:
    event = json.loads((ROOT / f"infra/events/{name}.json").read_text("utf-8"))
    assert (event["version"], event["isBase64Encoded"]) == ("2.0", False)
    assert event["rawPath"] == event["requestContext"]["http"]["path"]
    assert dict(parse_qsl(event["rawQueryString"])) == event.get("queryStringParameters", {})
    assert event["headers"].get("content-length", "0") == str(len(event.get("body", "").encode()))
    assert (event["requestContext"]["http"]["method"] == "POST") == isinstance(
        json.loads(event.get("body", "0")), dict
    )


def test_the_workflow_runs_the_script_and_nothing_else() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    actions = [step["uses"].partition("@") for step in steps if "uses" in step]
    assert [name for name, _, _ in actions] == ["actions/checkout", "actions/setup-python"]
    # A tag can be moved to other code, a commit can't.
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for _, _, commit in actions)
    assert os.access(ROOT / ".ci/run", os.X_OK)
