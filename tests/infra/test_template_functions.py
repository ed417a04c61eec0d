"""template.yaml: what runs, when, with which settings, and what watches it."""

import ast
import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader  # type: ignore[import-untyped]

from handler.settings import SETTINGS, Settings
from tests.infra.stack import ROOT, Stack

TOPIC = {"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:mine"}


def test_runtime_is_one_that_lambda_offers_and_that_the_project_supports(
    functions: dict[str, dict[str, Any]],
) -> None:
    offered = Loader().load_service_model("lambda", "service-2")["shapes"]["Runtime"]["enum"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest = _version(project["requires-python"])
    for properties in functions.values():
        assert properties["Runtime"] in offered
        assert _version(properties["Runtime"]) >= max(oldest, (3, 12))
        assert properties["Architectures"] == ["arm64"]


def test_snapstart_is_published_under_the_alias_that_everything_calls(
    template: dict[str, Any],
) -> None:
    made = Stack(template, FunctionUrl="public")
    search = made.resources["SearchFunction"]
    assert search["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert int(search["EphemeralStorage"]["Size"]) == 512  # SnapStart allows no more
    without = Stack(template, SnapStart="None", DiskSize="2048").resources["SearchFunction"]
    assert (without["SnapStart"], without["EphemeralStorage"]) == (
        {"ApplyOn": "None"},
        {"Size": "2048"},
    )
    ((version, of),) = made.of_type("AWS::Lambda::Version").items()
    assert of["FunctionName"] == "SearchFunction"
    ((alias, live),) = made.of_type("AWS::Lambda::Alias").items()
    assert (live["Name"], live["FunctionVersion"]) == ("live", f"{version}.Version")
    assert "/SearchFunction.Arn:live/" in json.dumps(made.resources["SearchApi"]["Body"])
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


def test_variables_are_declared_settings_with_values_that_can_be_read(
    functions: dict[str, dict[str, Any]],
) -> None:
    declared = {setting.name for setting in SETTINGS}
    for properties in functions.values():
        variables = properties["Environment"]["Variables"]
        assert set(variables) <= declared
        assert Settings.from_mapping(variables).store == "s3://DataBucket/querytower"
    reindex = Settings.from_mapping(functions["ReindexFunction"]["Environment"]["Variables"])
    assert reindex.corpus == "s3://DataBucket/corpus"


def test_the_environment_of_sam_local_replaces_what_the_template_refers_to(
    functions: dict[str, dict[str, Any]],
) -> None:
    given = json.loads((ROOT / "infra/local-env.json").read_text("utf-8"))["Parameters"]
    referred = {
        name: value.replace("DataBucket", "BUCKET")
        for properties in functions.values()
        for name, value in properties["Environment"]["Variables"].items()
        if "DataBucket" in str(value)
    }
    assert given == referred


def test_defaults_are_those_of_the_settings(functions: dict[str, dict[str, Any]]) -> None:
    defaults = {setting.name: setting.default for setting in SETTINGS}
    apart = {"QUERYTOWER_STORE", "QUERYTOWER_CORPUS"}
    for properties in functions.values():
        for name, value in properties["Environment"]["Variables"].items():
            assert name in apart or str(value) == defaults[name], name


def test_reindex_has_time_and_may_go_on_as_often_as_it_does(resources: dict[str, Any]) -> None:
    reindex = resources["ReindexFunction"]
    assert reindex["Timeout"] == 900  # seconds; the most that Lambda gives
    assert reindex["RecursiveLoop"] == "Allow"
    assert reindex["MemorySize"] != resources["SearchFunction"]["MemorySize"]


@pytest.mark.parametrize(
    "expression",
    ["rate(1 day)", "rate(6 hours)", "cron(0 3 * * ? *)", "cron(0/15 8-18 ? * MON-FRI *)"],
)
def test_schedules_that_eventbridge_knows_are_let_through(
    template: dict[str, Any], expression: str
) -> None:
    made = Stack(template, Schedule=expression, ScheduleTimezone="Europe/Berlin")
    (schedule,) = made.of_type("AWS::Scheduler::Schedule").values()
    assert re.fullmatch(template["Parameters"]["Schedule"]["AllowedPattern"], expression)
    assert _is_schedule(schedule["ScheduleExpression"])
    assert (schedule["ScheduleExpressionTimezone"], schedule["State"]) == (
        "Europe/Berlin",
        "ENABLED",
    )
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
    made = Stack(template, **TOPIC, ReindexAlarmHours="168")
    alarms = made.of_type("AWS::CloudWatch::Alarm")
    watched = {
        (each["Namespace"], each["MetricName"], str(each.get("Dimensions")))
        for each in alarms.values()
    }
    assert len(watched) == len(alarms) == 7
    (written,) = made.resources["ReindexSuccesses"]["MetricTransformations"]
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [TOPIC["AlarmTopicArn"]]
        seconds = int(alarm["Period"]) * int(alarm["EvaluationPeriods"])
        assert seconds <= 7 * 86400, "CloudWatch looks back seven days at most"
        awaited = alarm["MetricName"] == written["MetricName"] == "stack-reindexed"
        assert (alarm["TreatMissingData"] == "breaching") == awaited
        if alarm["Namespace"] == "querytower" and not awaited:
            assert alarm["MetricName"] in _metrics_of_handler()
            assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": "SearchFunction"}]
        assert all(
            dimension["Value"] in made.resources for dimension in alarm.get("Dimensions", [])
        )


def test_the_success_that_is_counted_is_the_one_that_is_logged(resources: dict[str, Any]) -> None:
    (event,) = re.fullmatch(
        r'\{ \$\.event = "(\w+)" \}', resources["ReindexSuccesses"]["FilterPattern"]
    ).groups()  # type: ignore[union-attr]
    sources = (file.read_text("utf-8") for file in (ROOT / "handler").rglob("*.py"))
    assert any(re.search(rf'measure\(\s*"{event}"', source) for source in sources)


def test_the_dashboard_is_json_about_this_stack(resources: dict[str, Any]) -> None:
    widgets = json.loads(resources["Dashboard"]["DashboardBody"])["widgets"]
    places = {(each["x"], each["y"]) for each in widgets}
    assert len(places) == len(widgets) == 6
    assert {each["properties"]["region"] for each in widgets} == {"eu-west-1"}


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


def _metrics_of_handler() -> set[str]:
    """Return the names of all metrics that the functions write, which are keys of dictionaries."""
    sources = (file.read_text("utf-8") for file in (ROOT / "handler").rglob("*.py"))
    return {name for source in sources for name in re.findall(r'\{?"([A-Z][A-Za-z]+)":', source)}


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
