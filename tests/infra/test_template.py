"""template.yaml, events and the workflow: the linters' verdict, and what linters do not look at."""

import ast
import importlib.util
import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from botocore.loaders import Loader  # type: ignore[import-untyped]

from handler.settings import SETTINGS

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-tools" / "bin"
needs_tools = pytest.mark.skipif(not (TOOLS / "sam").exists(), reason="SAM and cfn-lint are not here; run: make tools")


class TemplateLoader(yaml.SafeLoader):
    """Reads `!Ref Name` and its like as {"Ref": "Name"}."""


def _intrinsic(loader: TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    return {suffix: node.value}


TemplateLoader.add_multi_constructor("!", _intrinsic)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return yaml.load((ROOT / "template.yaml").read_text("utf-8"), TemplateLoader)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    return template["Resources"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Properties of each function, those of Globals included."""
    shared = template["Globals"]["Function"]
    found = {
        name: shared | resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert "SearchFunction" in found
    return found


def _run(tmp_path: Path, *command: str | Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SAM_CLI_TELEMETRY": "0", "LANG": "C.UTF-8"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_tools
def test_sam_validates_and_lints(tmp_path: Path) -> None:
    config = ("--config-file", "infra/samconfig.toml", "--region", "eu-west-1")
    _run(tmp_path, TOOLS / "sam", "validate", "--lint", "--template", "template.yaml", *config)


@needs_tools
def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    _run(tmp_path, TOOLS / "cfn-lint", "template.yaml")


def test_runtime_is_one_that_lambda_offers_and_that_the_project_supports(functions: dict[str, dict[str, Any]]) -> None:
    offered = Loader().load_service_model("lambda", "service-2")["shapes"]["Runtime"]["enum"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest = _version(project["requires-python"])
    for properties in functions.values():
        assert properties["Runtime"] in offered
        assert _version(properties["Runtime"]) >= oldest


def test_snapstart_has_a_python_that_knows_it_and_publishes_versions(functions: dict[str, dict[str, Any]]) -> None:
    assert functions["SearchFunction"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    for properties in functions.values():
        if "SnapStart" in properties:
            assert _version(properties["Runtime"]) >= (3, 12)
            assert properties["AutoPublishAlias"]
            assert properties["AutoPublishAliasAllProperties"] is True
            assert properties.get("EphemeralStorage", {}).get("Size", 512) == 512


def test_handlers_name_something_that_exists(functions: dict[str, dict[str, Any]]) -> None:
    for properties in functions.values():
        module, _, name = properties["Handler"].rpartition(".")
        spec = importlib.util.find_spec(module)
        assert spec is not None, f"no module {module}"
        assert spec.origin is not None
        assert name in _top_level_names(Path(spec.origin)), f"{module} defines no {name}"


def test_variables_are_declared_settings(functions: dict[str, dict[str, Any]]) -> None:
    declared = {setting.name for setting in SETTINGS}
    used = {name for properties in functions.values() for name in properties["Environment"]["Variables"]}
    assert {"QUERYTOWER_STORE", "QUERYTOWER_INDEX"} <= used
    assert {name for name in used if name.startswith("QUERYTOWER_")} <= declared


def test_search_may_only_read_and_only_its_prefix(functions: dict[str, dict[str, Any]]) -> None:
    statements = [s for policy in functions["SearchFunction"]["Policies"] for s in policy["Statement"]]
    by_action = {statement["Action"]: statement for statement in statements}
    assert set(by_action) == {"s3:GetObject", "s3:ListBucket"}
    assert by_action["s3:GetObject"]["Resource"] == {"Sub": "${DataBucket.Arn}/${StorePrefix}/*"}
    assert by_action["s3:ListBucket"]["Condition"] == {"StringLike": {"s3:prefix": {"Sub": "${StorePrefix}/*"}}}
    store = functions["SearchFunction"]["Environment"]["Variables"]["QUERYTOWER_STORE"]
    assert store == {"Sub": "s3://${DataBucket}/${StorePrefix}"}


def test_the_api_waits_longer_than_the_function_may_take(functions: dict[str, dict[str, Any]]) -> None:
    assert functions["SearchFunction"]["Timeout"] < 30


def test_logs_are_kept_for_a_limited_time(functions: dict[str, dict[str, Any]], resources: dict[str, Any]) -> None:
    for properties in functions.values():
        group = resources[properties["LoggingConfig"]["LogGroup"]["Ref"]]
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_the_bucket_is_private_encrypted_versioned_and_survives_the_stack(resources: dict[str, Any]) -> None:
    bucket = resources["DataBucket"]
    access = bucket["Properties"]["PublicAccessBlockConfiguration"]
    assert access == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert bucket["Properties"]["VersioningConfiguration"]["Status"] == "Enabled"
    (encryption,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_refuses_requests_without_tls(resources: dict[str, Any]) -> None:
    (statement,) = resources["DataBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"GetAtt": "DataBucket.Arn"}, {"Sub": "${DataBucket.Arn}/*"}]


def test_every_parameter_is_explained_and_used(template: dict[str, Any]) -> None:
    body = repr({key: value for key, value in template.items() if key != "Parameters"})
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"]
        assert f"'Ref': '{name}'" in body or f"${{{name}}}" in body, f"nothing uses {name}"


@pytest.mark.parametrize("name", ["search", "search-get", "health", "ready", "document", "embeddings"])
def test_http_events_are_what_the_api_sends(name: str) -> None:
    event = json.loads((ROOT / f"infra/events/{name}.json").read_text("utf-8"))
    assert (event["version"], event["isBase64Encoded"]) == ("2.0", False)
    assert event["rawPath"] == event["requestContext"]["http"]["path"]
    assert dict(parse_qsl(event["rawQueryString"])) == event.get("queryStringParameters", {})
    assert event["headers"].get("content-length", "0") == str(len(event.get("body", "").encode()))
    assert (event["requestContext"]["http"]["method"] == "POST") == isinstance(json.loads(event.get("body", "0")), dict)


def test_the_workflow_runs_the_script_and_nothing_else() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert [step["uses"].partition("@")[0] for step in steps if "uses" in step] == [
        "actions/checkout",
        "actions/setup-python",
    ]
    assert os.access(ROOT / ".ci/run", os.X_OK)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def _top_level_names(source: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(source.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return names
