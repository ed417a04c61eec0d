"""The reindex function in template.yaml: what starts it, what it may do, and who notices when it fails or is absent."""

import json
import re
from typing import Any

from tests.infra.test_template import ROOT, functions, resources, template

__all__ = ["functions", "resources", "template"]

Functions = dict[str, dict[str, Any]]


def test_it_is_started_by_a_schedule_that_is_a_parameter(functions: Functions, template: dict[str, Any]) -> None:
    schedule = functions["ReindexFunction"]["Events"]["Regularly"]
    assert schedule["Type"] == "ScheduleV2"
    assert schedule["Properties"]["ScheduleExpression"] == {"Ref": "ReindexSchedule"}
    default = template["Parameters"]["ReindexSchedule"]["Default"]
    assert re.fullmatch(r"rate\(1 (minute|hour|day)\)|rate\(([2-9]|\d\d+) (minutes|hours|days)\)", default)


def test_it_is_started_by_uploads_of_the_corpus_alone(functions: Functions, resources: dict[str, Any]) -> None:
    upload = functions["ReindexFunction"]["Events"]["Upload"]
    event = json.loads((ROOT / "infra/events/upload.json").read_text("utf-8"))
    pattern = upload["Properties"]["Pattern"]
    assert event["source"] in pattern["source"]
    assert event["detail-type"] in pattern["detail-type"]
    assert pattern["detail"]["bucket"]["name"] == [{"Ref": "DataBucket"}]
    assert pattern["detail"]["object"]["key"] == [{"prefix": {"Sub": "${CorpusPrefix}/"}}]
    bucket = resources["DataBucket"]["Properties"]
    assert bucket["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"] is True


def test_what_it_writes_does_not_start_it_again(template: dict[str, Any]) -> None:
    corpus, store = (template["Parameters"][name]["Default"] for name in ("CorpusPrefix", "StorePrefix"))
    assert not f"{store}/".startswith(f"{corpus}/")


def test_it_reads_the_corpus_and_writes_the_indexes_and_nothing_else(functions: Functions) -> None:
    statements = {s["Sid"]: s for policy in functions["ReindexFunction"]["Policies"] for s in policy["Statement"]}
    assert {name: (s["Action"], s["Resource"]) for name, s in statements.items()} == {
        "WriteIndexes": (
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            {"Sub": "${DataBucket.Arn}/${StorePrefix}/indexes/*"},
        ),
        "ReadCorpus": ("s3:GetObject", {"Sub": "${DataBucket.Arn}/${CorpusPrefix}/*"}),
        "ListBoth": ("s3:ListBucket", {"GetAtt": "DataBucket.Arn"}),
    }
    prefixes = statements["ListBoth"]["Condition"]["StringLike"]["s3:prefix"]
    assert prefixes == [{"Sub": "${StorePrefix}/*"}, {"Sub": "${CorpusPrefix}/*"}]
    assert {s["Effect"] for s in statements.values()} == {"Allow"}


def test_it_may_start_itself_and_no_other(functions: Functions, resources: dict[str, Any]) -> None:
    policy = resources["ReindexMayContinue"]["Properties"]
    assert policy["Roles"] == [{"Ref": "ReindexFunctionRole"}]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("lambda:InvokeFunction", {"GetAtt": "ReindexFunction.Arn"})
    assert functions["ReindexFunction"]["RecursiveLoop"] == "Allow"


def test_nothing_but_the_schedule_repeats_it(functions: Functions) -> None:
    assert functions["ReindexFunction"]["EventInvokeConfig"]["MaximumRetryAttempts"] == 0
    retries = functions["ReindexFunction"]["Events"]["Regularly"]["Properties"]["RetryPolicy"]
    assert retries["MaximumRetryAttempts"] == 0


def test_failure_and_absence_are_noticed(resources: dict[str, Any]) -> None:
    failed, absent = (resources[name]["Properties"] for name in ("ReindexFailed", "ReindexAbsent"))
    assert (failed["MetricName"], failed["Threshold"], failed["TreatMissingData"]) == ("Errors", 1, "notBreaching")
    assert failed["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "ReindexFunction"}}]
    assert (absent["ComparisonOperator"], absent["TreatMissingData"]) == ("LessThanThreshold", "breaching")
    metrics = {each["MetricStat"]["Metric"]["MetricName"] for each in absent["Metrics"] if "MetricStat" in each}
    assert metrics == {"Invocations", "Errors"}
    for alarm in (failed, absent):
        assert alarm["AlarmActions"] == {"If": ["HasAlarmTopic", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]}
