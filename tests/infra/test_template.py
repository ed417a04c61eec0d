"""template.yaml, events and the workflow: the linters' verdict, and what linters do not look at."""

import ast
import importlib.util
import itertools
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
from botocore.loaders import Loader  # type: ignore[import-untyped]

from handler.bundle import IndexFiles
from handler.settings import SETTINGS, Settings
from tests.infra.stack import Stack, transformed

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-tools" / "bin"
CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
needs_tools = pytest.mark.skipif(not (TOOLS / "sam").exists(), reason="SAM and cfn-lint are not here; run: make tools")

# Every switch of the template, off and on.
SWITCHES: dict[str, dict[str, str]] = {
    "cors": {"CorsOrigins": "https://a.example,https://b.example"},
    "tokens": {"JwtIssuer": "https://issuer.example", "JwtAudience": "one,two"},
    "url": {"FunctionUrl": "iam"},
    "elsewhere": {"CorpusUrl": "https://documents.example/all.jsonl"},
    "rest": {"ScheduleState": "DISABLED", "UploadState": "DISABLED", "ReindexConcurrency": "1"},
    "email": {"AlarmEmail": "me@mail.example"},
    "topic": {"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:mine"},
}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    if not (TOOLS / "sam").exists():
        pytest.skip("SAM is not here; run: make tools")
    return transformed(ROOT / "template.yaml", TOOLS / "python")


@pytest.fixture(scope="module")
def stack(template: dict[str, Any]) -> Stack:
    """The stack as it is with all parameters at their defaults."""
    return Stack(template)


@pytest.fixture(scope="module")
def resources(stack: Stack) -> dict[str, Any]:
    return stack.resources


@pytest.fixture(scope="module")
def functions(stack: Stack) -> dict[str, dict[str, Any]]:
    found = stack.of_type("AWS::Lambda::Function")
    assert set(found) == {"SearchFunction", "ReindexFunction"}
    return found


def _statements(resources: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """All that a function's role allows, apart from what AWS itself maintains."""
    policies = [policy["PolicyDocument"] for policy in resources[role]["Policies"]]
    policies += [
        each["PolicyDocument"]
        for each in resources.values()
        if each["Type"] == "AWS::IAM::Policy" and each["Roles"] == [role]
    ]
    return [statement for policy in policies for statement in policy["Statement"]]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


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
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["results"]["failed_checks"] == []
    assert report["results"]["parsing_errors"] == []
    assert report["summary"]["passed"] > 20
    excused = {(each["check_id"], each["resource"].split(".")[1]) for each in report["results"]["skipped_checks"]}
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


def test_runtime_is_one_that_lambda_offers_and_that_the_project_supports(functions: dict[str, dict[str, Any]]) -> None:
    offered = Loader().load_service_model("lambda", "service-2")["shapes"]["Runtime"]["enum"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest = _version(project["requires-python"])
    for properties in functions.values():
        assert properties["Runtime"] in offered
        assert _version(properties["Runtime"]) >= max(oldest, (3, 12))
        assert properties["Architectures"] == ["arm64"]


def test_snapstart_is_published_under_the_alias_that_everything_calls(template: dict[str, Any]) -> None:
    made = Stack(template, FunctionUrl="public")
    search = made.resources["SearchFunction"]
    assert search["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert search.get("EphemeralStorage", {}).get("Size", 512) == 512  # SnapStart allows no more
    ((version, of),) = made.of_type("AWS::Lambda::Version").items()
    assert of["FunctionName"] == "SearchFunction"
    ((alias, live),) = made.of_type("AWS::Lambda::Alias").items()
    assert (live["Name"], live["FunctionVersion"]) == ("live", f"{version}.Version")
    assert f"/{'SearchFunction.Arn'}:live/" in _integration(made)["uri"]
    assert made.resources["SearchUrl"]["TargetFunctionArn"] == alias
    callers = [each["FunctionName"] for each in made.of_type("AWS::Lambda::Permission").values()]
    assert sorted(callers) == ["ReindexFunction", alias, alias, alias]


def test_nothing_is_kept_running(resources: dict[str, Any]) -> None:
    assert "ProvisionedConcurren" not in repr(resources)
    assert "ReservedConcurrentExecutions" not in repr(resources)


def test_handlers_name_something_that_exists(functions: dict[str, dict[str, Any]]) -> None:
    for properties in functions.values():
        module, _, name = properties["Handler"].rpartition(".")
        spec = importlib.util.find_spec(module)
        assert spec is not None, f"no module {module}"
        assert spec.origin is not None
        assert name in _top_level_names(Path(spec.origin)), f"{module} defines no {name}"


def test_variables_are_declared_settings_with_values_that_can_be_read(functions: dict[str, dict[str, Any]]) -> None:
    declared = {setting.name for setting in SETTINGS}
    for properties in functions.values():
        variables = properties["Environment"]["Variables"]
        assert set(variables) <= declared
        assert Settings.from_mapping(variables).store == "s3://DataBucket/querytower"
    reindex = Settings.from_mapping(functions["ReindexFunction"]["Environment"]["Variables"])
    assert reindex.corpus == "s3://DataBucket/corpus"


def test_defaults_are_those_of_the_settings(functions: dict[str, dict[str, Any]]) -> None:
    defaults = {setting.name: setting.default for setting in SETTINGS}
    apart = {"QUERYTOWER_STORE", "QUERYTOWER_CORPUS"}
    for properties in functions.values():
        for name, value in properties["Environment"]["Variables"].items():
            assert name in apart or str(value) == defaults[name], name


def test_search_may_only_read_and_only_its_prefix(resources: dict[str, Any]) -> None:
    listing, reading = sorted(_statements(resources, "SearchFunctionRole"), key=lambda each: str(each["Resource"]))
    assert (reading["Action"], reading["Resource"]) == ("s3:GetObject", "DataBucket.Arn/querytower/*")
    assert (listing["Action"], listing["Resource"]) == ("s3:ListBucket", "DataBucket.Arn")
    assert listing["Condition"] == {"StringLikeIfExists": {"s3:prefix": "querytower/*"}}


def test_reindex_may_write_its_index_only_and_read_its_corpus(template: dict[str, Any]) -> None:
    resources = Stack(template, IndexName="books", StorePrefix="all/indexes", CorpusPrefix="texts").resources
    allowed = {
        (action, where)
        for statement in _statements(resources, "ReindexFunctionRole")
        for action in _listed(statement["Action"])
        for where in _listed(statement["Resource"])
    }
    own = f"DataBucket.Arn/all/indexes/{IndexFiles.current('books').removesuffix('current.json')}*"
    writing = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"}
    assert allowed == {(action, own) for action in writing} | {
        ("s3:GetObject", "DataBucket.Arn/texts/*"),
        ("s3:ListBucket", "DataBucket.Arn"),
        ("lambda:InvokeFunction", "ReindexFunction.Arn"),
    }


def test_no_policy_has_a_wildcard_but_below_a_folder(template: dict[str, Any]) -> None:
    made = Stack(template, **{name: value for each in SWITCHES.values() for name, value in each.items()})
    roles = made.of_type("AWS::IAM::Role")
    assert len(roles) == 3
    for role, properties in roles.items():
        assert all(arn.endswith("/AWSLambdaBasicExecutionRole") for arn in properties.get("ManagedPolicyArns", []))
        for statement in _statements(made.resources, role):
            assert statement["Effect"] == "Allow"
            assert not [action for action in _listed(statement["Action"]) if "*" in action]
            for where in _listed(statement["Resource"]):
                assert re.fullmatch(r"DataBucket\.Arn(/[\w-]+)+/\*|[\w.]+", where), where


def test_reindex_has_time_and_may_go_on_as_often_as_it_does(resources: dict[str, Any]) -> None:
    reindex = resources["ReindexFunction"]
    assert reindex["Timeout"] == 900  # seconds; the most that Lambda gives
    assert reindex["RecursiveLoop"] == "Allow"
    assert reindex["MemorySize"] != resources["SearchFunction"]["MemorySize"]


@pytest.mark.parametrize(
    "expression", ["rate(1 day)", "rate(6 hours)", "cron(0 3 * * ? *)", "cron(0/15 8-18 ? * MON-FRI *)"]
)
def test_schedules_that_eventbridge_knows_are_let_through(template: dict[str, Any], expression: str) -> None:
    made = Stack(template, Schedule=expression, ScheduleTimezone="Europe/Berlin")
    (schedule,) = made.of_type("AWS::Scheduler::Schedule").values()
    assert re.fullmatch(template["Parameters"]["Schedule"]["AllowedPattern"], expression)
    assert _is_schedule(schedule["ScheduleExpression"])
    assert (schedule["ScheduleExpressionTimezone"], schedule["State"]) == ("Europe/Berlin", "ENABLED")
    assert "Name" not in schedule  # a fixed name would clash with another stack's


def test_the_default_schedule_is_one(template: dict[str, Any]) -> None:
    assert _is_schedule(template["Parameters"]["Schedule"]["Default"])


def test_uploads_to_the_corpus_start_a_reindex(resources: dict[str, Any]) -> None:
    rule = resources["ReindexFunctionUpload"]
    assert rule["State"] == "ENABLED"
    assert rule["Targets"][0]["Arn"] == "ReindexFunction.Arn"
    assert rule["EventPattern"]["source"] == ["aws.s3"]
    assert rule["EventPattern"]["detail"] == {
        "bucket": {"name": ["DataBucket"]},
        "object": {"key": [{"prefix": "corpus/"}]},
    }
    notified = resources["DataBucket"]["NotificationConfiguration"]
    assert notified == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def _combinations() -> Iterator[tuple[str, ...]]:
    for size in range(len(SWITCHES) + 1):
        yield from itertools.combinations(SWITCHES, size)


def test_every_combination_of_switches_makes_a_whole_stack(template: dict[str, Any]) -> None:
    for chosen in _combinations():
        made = Stack(template, **{name: value for key in chosen for name, value in SWITCHES[key].items()})
        assert made.broken_rules == []
        body = made.resources["SearchApi"]["Body"]
        assert ("components" in body) == bool(_operation(made)["security"]) == ("tokens" in chosen)
        assert ("x-amazon-apigateway-cors" in body) == ("cors" in chosen)
        assert ("FunctionUrl" in made.outputs) == ("SearchUrl" in made.resources) == ("url" in chosen)
        actions = made.resources["SearchErrors"]["AlarmActions"]
        assert (SWITCHES["topic"]["AlarmTopicArn"] in actions, "AlarmTopic" in actions) == (
            "topic" in chosen,
            "email" in chosen,
        )
        assert ("ReindexAbsence" in made.resources) == ("rest" not in chosen)
        assert made.resources["ReindexFunction"].get("ReservedConcurrentExecutions") == (
            "1" if "rest" in chosen else None
        )


def test_every_condition_is_switched(template: dict[str, Any]) -> None:
    body = json.dumps(template["Resources"]) + json.dumps(template["Outputs"])
    for name in template["Conditions"]:
        assert f'"{name}"' in body, f"nothing depends on {name}"


def test_tokens_are_checked_for_issuer_and_audience(template: dict[str, Any]) -> None:
    made = Stack(template, **SWITCHES["tokens"])
    schemes = made.resources["SearchApi"]["Body"]["components"]["securitySchemes"]
    (name,) = _operation(made)["security"][0]
    authorizer = schemes[name]["x-amazon-apigateway-authorizer"]
    assert authorizer["jwtConfiguration"] == {"issuer": "https://issuer.example", "audience": ["one", "two"]}


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"JwtIssuer": "https://issuer.example"}, "JwtAudience"),
        ({**SWITCHES["tokens"], "FunctionUrl": "public"}, "everybody"),
        ({"CorpusPrefix": "same", "StorePrefix": "same"}, "corpus"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(
    template: dict[str, Any], parameters: dict[str, str], problem: str
) -> None:
    (broken,) = Stack(template, **parameters).broken_rules
    assert problem in broken


def test_a_public_url_needs_to_be_asked_for(template: dict[str, Any]) -> None:
    for kind, auth, everybody in (("iam", "AWS_IAM", []), ("public", "NONE", ["InvokeFunction", "InvokeFunctionUrl"])):
        made = Stack(template, FunctionUrl=kind)
        assert made.resources["SearchUrl"]["AuthType"] == auth
        open_to_all = [p for p in made.of_type("AWS::Lambda::Permission").values() if p["Principal"] == "*"]
        assert sorted(each["Action"].removeprefix("lambda:") for each in open_to_all) == everybody
        assert all("FunctionUrlAuthType" in each or each["InvokedViaFunctionUrl"] is True for each in open_to_all)


def test_the_api_throttles_and_waits_longer_than_the_function_may_take(template: dict[str, Any]) -> None:
    made = Stack(template, RequestRate="7", RequestBurst="9")
    (stage,) = made.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": "7", "ThrottlingBurstLimit": "9"}
    assert _integration(made)["timeoutInMillis"] == 30000
    assert made.resources["SearchFunction"]["Timeout"] < 30


def test_access_logs_are_json_without_queries_and_addresses(stack: Stack) -> None:
    (stage,) = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    form = stage["AccessLogSettings"]["Format"]
    assert json.loads(form)["status"] == "$context.status"
    assert "query" not in form.lower()
    assert "sourceIp" not in form


def test_logs_are_json_and_kept_for_a_limited_time(template: dict[str, Any]) -> None:
    made = Stack(template, LogRetentionDays="7")
    groups = made.of_type("AWS::Logs::LogGroup")
    assert len(groups) == 3
    assert {group["RetentionInDays"] for group in groups.values()} == {"7"}
    for properties in made.of_type("AWS::Lambda::Function").values():
        assert properties["LoggingConfig"]["LogFormat"] == "JSON"
        assert properties["LoggingConfig"]["LogGroup"] in groups


def test_alarms_watch_what_exists_and_all_tell_somebody(template: dict[str, Any]) -> None:
    made = Stack(template, **SWITCHES["topic"], ReindexAlarmHours="168")
    alarms = made.of_type("AWS::CloudWatch::Alarm")
    watched = {(each["Namespace"], each["MetricName"], str(each.get("Dimensions"))) for each in alarms.values()}
    assert len(watched) == len(alarms) == 6
    (written,) = made.resources["ReindexSuccesses"]["MetricTransformations"]
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [SWITCHES["topic"]["AlarmTopicArn"]]
        seconds = int(alarm["Period"]) * int(alarm["EvaluationPeriods"])
        assert seconds <= 7 * 86400, "CloudWatch looks back seven days at most"
        own = alarm["Namespace"] == "querytower"
        assert (alarm["TreatMissingData"] == "breaching") == own
        assert not own or alarm["MetricName"] == written["MetricName"] == "stack-reindexed"
        assert all(dimension["Value"] in made.resources for dimension in alarm.get("Dimensions", []))


def test_the_success_that_is_counted_is_the_one_that_is_logged(resources: dict[str, Any]) -> None:
    (event,) = re.fullmatch(r'\{ \$\.event = "(\w+)" \}', resources["ReindexSuccesses"]["FilterPattern"]).groups()  # type: ignore[union-attr]
    assert f'measure("{event}"' in (ROOT / "handler/reindex.py").read_text("utf-8")


def test_the_dashboard_is_json_about_this_stack(resources: dict[str, Any]) -> None:
    widgets = json.loads(resources["Dashboard"]["DashboardBody"])["widgets"]
    places = {(each["x"], each["y"]) for each in widgets}
    assert len(places) == len(widgets) == 6
    assert {each["properties"]["region"] for each in widgets} == {"eu-west-1"}


def test_the_bucket_is_private_encrypted_versioned_tidied_and_survives_the_stack(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    bucket = resources["DataBucket"]
    access = bucket["PublicAccessBlockConfiguration"]
    assert access == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["OldVersions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": "30"}
    assert rules["UnfinishedUploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "ExpirationInDays" not in repr(rules)  # what is current stays
    kept = template["Resources"]["DataBucket"]
    assert kept["DeletionPolicy"] == kept["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_refuses_requests_without_tls(resources: dict[str, Any]) -> None:
    (statement,) = resources["DataBucketPolicy"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == ["DataBucket.Arn", "DataBucket.Arn/*"]


def test_every_parameter_is_explained_grouped_used_and_has_a_default(template: dict[str, Any]) -> None:
    body = json.dumps({key: value for key, value in template.items() if key not in ("Parameters", "Metadata")})
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"]
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(parameter["Default"]))
        assert f'"Ref": "{name}"' in body or f"${{{name}}}" in body, f"nothing uses {name}"


@needs_tools
@pytest.mark.parametrize("parameters", [{}, SWITCHES["cors"] | SWITCHES["tokens"]], ids=["open", "closed"])
def test_sam_local_finds_the_route(parameters: dict[str, str]) -> None:
    program = """
import json, sys
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
stacks, _ = SamLocalStackProvider.get_stacks("template.yaml", parameter_overrides=json.loads(sys.argv[1]))
print(json.dumps([(route.path, route.function_name) for route in ApiProvider(stacks).api.routes]))
"""
    command: list[str | Path] = [TOOLS / "python", "-c", program, json.dumps(parameters)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert json.loads(found) == [["$default", "SearchFunction"]]


def test_samconfig_asks_for_all_that_the_template_needs(template: dict[str, Any]) -> None:
    config = tomllib.loads((ROOT / "infra/samconfig.toml").read_text("utf-8"))["default"]
    assert config["deploy"]["parameters"]["capabilities"] == "CAPABILITY_IAM"
    # With a name of its own, a role would need CAPABILITY_NAMED_IAM.
    assert not [each for each in template["Resources"].values() if "RoleName" in each.get("Properties", {})]


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


def _operation(stack: Stack) -> dict[str, Any]:
    (path,) = stack.resources["SearchApi"]["Body"]["paths"].values()
    return path["x-amazon-apigateway-any-method"]  # type: ignore[no-any-return]


def _integration(stack: Stack) -> dict[str, Any]:
    return _operation(stack)["x-amazon-apigateway-integration"]  # type: ignore[no-any-return]


def _is_schedule(expression: str) -> bool:
    """Tell whether EventBridge Scheduler takes it, by the rules of its guide."""
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", expression):
        return int(rate[1]) > 0
    cron = re.fullmatch(r"cron\((.+)\)", expression)
    fields = cron[1].split(" ") if cron else []
    return (
        len(fields) == 6
        and all(re.fullmatch(r"[\dA-Z*?/,#LW-]+", field) for field in fields)
        and (fields[2] == "?") != (fields[4] == "?")
    )


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
