"""template.yaml: who may do what, by which way, under every combination of its switches."""

import itertools
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from handler.api.event_log import FOLDER
from tests.infra.stack import Stack
from tests.stored_paths import StoredPaths

# Every switch of the template, off and on.
SWITCHES: dict[str, dict[str, str]] = {
    "cors": {"CorsOrigins": "https://a.example,https://b.example"},
    "tokens": {"JwtIssuer": "https://issuer.example", "JwtAudience": "one,two"},
    "keys": {"ApiKeySha256": "0123456789abcdef" * 4},
    "url": {"FunctionUrl": "iam"},
    "elsewhere": {"CorpusUrl": "https://documents.example/all.jsonl"},
    "rest": {"ScheduleState": "DISABLED", "UploadState": "DISABLED", "ReindexConcurrency": "1"},
    "encoders": {"ParallelEncoders": "100"},
    "email": {"AlarmEmail": "me@mail.example"},
    "events": {"Events": "store"},
    "topic": {"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:mine"},
}


def test_search_may_only_read_and_only_its_prefix(resources: dict[str, Any]) -> None:
    listing, reading = sorted(
        _statements(resources, "SearchFunctionRole"), key=lambda each: str(each["Resource"])
    )
    assert (reading["Action"], reading["Resource"]) == (
        "s3:GetObject",
        "DataBucket.Arn/querytower/*",
    )
    assert (listing["Action"], listing["Resource"]) == ("s3:ListBucket", "DataBucket.Arn")
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "querytower/*"}}


@pytest.mark.parametrize("parallel", ["0", "100"])
def test_a_state_machine_calls_the_reindex_function_and_lists_slices_only(
    template: dict[str, Any], parallel: str
) -> None:
    resources = Stack(template, ParallelEncoders=parallel).resources
    assert ("EncodeMap" in resources) == (parallel != "0")
    variables = resources["ReindexFunction"]["Environment"]["Variables"]
    assert bool(variables["QUERYTOWER_ENCODERS"]) == (parallel != "0")
    if parallel == "0":
        return
    name = resources["EncodeMap"]["StateMachineName"]
    assert variables["QUERYTOWER_ENCODERS"].endswith(f":stateMachine:{name}")
    allowed = {
        (action, str(each["Resource"]).rpartition("arn:")[2])
        for policy in resources["EncodeMapRole"]["Policies"]
        for each in policy["PolicyDocument"]["Statement"]
        for action in _listed(each["Action"])
    }
    own = variables["QUERYTOWER_ENCODERS"].removeprefix("arn:")
    runs = own.replace(":stateMachine:", ":execution:") + "/*"
    assert allowed == {
        ("s3:ListBucket", "DataBucket.Arn"),
        ("lambda:InvokeFunction", "ReindexFunction.Arn"),
        ("states:StartExecution", own),
        ("states:DescribeExecution", runs),
        ("states:StopExecution", runs),
    }


@pytest.mark.parametrize("events", ["off", "log", "store"])
def test_search_may_write_events_where_they_are_stored(
    template: dict[str, Any], events: str
) -> None:
    made = Stack(template, Events=events, StorePrefix="all/indexes")
    writing = [
        (each["Action"], each["Resource"])
        for each in _statements(made.resources, "SearchFunctionRole")
        if each["Action"] not in ("s3:GetObject", "s3:ListBucket")
    ]
    allowed = [("s3:PutObject", f"DataBucket.Arn/all/indexes/{FOLDER}/*")]
    assert writing == (allowed if events == "store" else [])
    variables = made.resources["SearchFunction"]["Environment"]["Variables"]
    assert variables["QUERYTOWER_EVENTS"] == events


@pytest.mark.parametrize(
    ("role", "listed"),
    [
        ("SearchFunctionRole", {"querytower/", "querytower/indexes/"}),
        ("ReindexFunctionRole", {"corpus/", "querytower/indexes/default/versions/"}),
    ],
)
def test_a_function_lists_its_own_folders_only(
    resources: dict[str, Any], role: str, listed: set[str]
) -> None:
    conditions = [each["Condition"] for each in _statements(resources, role) if _is_listing(each)]
    asked = {None, "", "other/", "corpus", *listed}
    assert {prefix for prefix in asked if any(_holds(c, prefix) for c in conditions)} == listed


def test_reindex_may_write_its_index_only_and_read_its_corpus(template: dict[str, Any]) -> None:
    resources = Stack(
        template, IndexName="books", StorePrefix="all/indexes", CorpusPrefix="texts"
    ).resources
    allowed = {
        (action, where)
        for statement in _statements(resources, "ReindexFunctionRole")
        for action in _listed(statement["Action"])
        for where in _listed(statement["Resource"])
    }
    own = f"DataBucket.Arn/all/indexes/{StoredPaths('books').pointer.removesuffix('current.json')}*"
    writing = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"}
    assert allowed == {(action, own) for action in writing} | {
        ("s3:GetObject", "DataBucket.Arn/texts/*"),
        ("s3:ListBucket", "DataBucket.Arn"),
        ("lambda:InvokeFunction", "ReindexFunction.Arn"),
    }


def test_no_policy_has_a_wildcard_but_below_a_folder(template: dict[str, Any]) -> None:
    made = Stack(
        template, **{name: value for each in SWITCHES.values() for name, value in each.items()}
    )
    roles = made.of_type("AWS::IAM::Role")
    assert len(roles) == 4
    for role, properties in roles.items():
        assert all(
            arn.endswith("/AWSLambdaBasicExecutionRole")
            for arn in properties.get("ManagedPolicyArns", [])
        )
        for statement in _statements(made.resources, role):
            assert statement["Effect"] == "Allow"
            assert not [action for action in _listed(statement["Action"]) if "*" in action]
            for where in _listed(statement["Resource"]):
                assert re.fullmatch(
                    r"DataBucket\.Arn(/[\w-]+)+/\*|[\w.]+|arn:[\w:-]+(/\*)?", where
                ), where


def test_every_combination_of_switches_makes_a_whole_stack(template: dict[str, Any]) -> None:
    for chosen in _combinations():
        made = Stack(
            template, **{name: value for key in chosen for name, value in SWITCHES[key].items()}
        )
        assert made.broken_rules == []
        body = made.resources["SearchApi"]["Body"]
        assert ("components" in body) == bool(_operation(made)["security"]) == ("tokens" in chosen)
        assert ("x-amazon-apigateway-cors" in body) == ("cors" in chosen)
        variables = made.resources["SearchFunction"]["Environment"]["Variables"]
        assert variables["QUERYTOWER_API_KEYS"] == (
            SWITCHES["keys"]["ApiKeySha256"] if "keys" in chosen else ""
        )
        assert (
            ("FunctionUrl" in made.outputs) == ("SearchUrl" in made.resources) == ("url" in chosen)
        )
        actions = made.resources["SearchErrors"]["AlarmActions"]
        assert (SWITCHES["topic"]["AlarmTopicArn"] in actions, "AlarmTopic" in actions) == (
            "topic" in chosen,
            "email" in chosen,
        )
        assert ("ReindexAbsence" in made.resources) == ("rest" not in chosen)
        assert made.resources["ReindexFunction"].get("ReservedConcurrentExecutions") == (
            "1" if "rest" in chosen else None
        )


def test_tokens_are_checked_for_issuer_and_audience(template: dict[str, Any]) -> None:
    made = Stack(template, **SWITCHES["tokens"])
    schemes = made.resources["SearchApi"]["Body"]["components"]["securitySchemes"]
    (name,) = _operation(made)["security"][0]
    authorizer = schemes[name]["x-amazon-apigateway-authorizer"]
    assert authorizer["jwtConfiguration"] == {
        "issuer": "https://issuer.example",
        "audience": ["one", "two"],
    }


def test_preflights_need_no_token(template: dict[str, Any]) -> None:
    made = Stack(template, **SWITCHES["tokens"], **SWITCHES["cors"])
    preflight = made.resources["SearchApi"]["Body"]["paths"]["/{proxy+}"]["options"]
    assert (preflight["security"], preflight["x-amazon-apigateway-integration"]) == (
        [],
        _integration(made),
    )


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"JwtIssuer": "https://issuer.example"}, "JwtAudience"),
        ({**SWITCHES["tokens"], "FunctionUrl": "public"}, "everybody"),
        ({"CorpusPrefix": "same", "StorePrefix": "same"}, "corpus"),
        ({"DiskSize": "1024"}, "SnapStart"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(
    template: dict[str, Any], parameters: dict[str, str], problem: str
) -> None:
    (broken,) = Stack(template, **parameters).broken_rules
    assert problem in broken


def test_a_public_url_needs_to_be_asked_for(template: dict[str, Any]) -> None:
    for kind, auth, everybody in (
        ("iam", "AWS_IAM", []),
        ("public", "NONE", ["InvokeFunction", "InvokeFunctionUrl"]),
    ):
        made = Stack(template, FunctionUrl=kind)
        assert made.resources["SearchUrl"]["AuthType"] == auth
        open_to_all = [
            p for p in made.of_type("AWS::Lambda::Permission").values() if p["Principal"] == "*"
        ]
        assert sorted(each["Action"].removeprefix("lambda:") for each in open_to_all) == everybody
        assert all(
            "FunctionUrlAuthType" in each or each["InvokedViaFunctionUrl"] is True
            for each in open_to_all
        )


def test_the_api_throttles_and_waits_longer_than_the_function_may_take(
    template: dict[str, Any],
) -> None:
    made = Stack(template, RequestRate="7", RequestBurst="9")
    (stage,) = made.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": "7",
        "ThrottlingBurstLimit": "9",
    }
    assert _integration(made)["timeoutInMillis"] == 30000
    assert made.resources["SearchFunction"]["Timeout"] < 30


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
    assert rules["UnfinishedUploads"]["AbortIncompleteMultipartUpload"] == {
        "DaysAfterInitiation": 7
    }
    assert "ExpirationInDays" not in repr(rules)  # what is current stays
    kept = template["Resources"]["DataBucket"]
    assert kept["DeletionPolicy"] == kept["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_refuses_requests_without_tls(resources: dict[str, Any]) -> None:
    (statement,) = resources["DataBucketPolicy"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "s3:*",
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == ["DataBucket.Arn", "DataBucket.Arn/*"]


def _statements(resources: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """All that a function's role allows, apart from what AWS itself maintains."""
    policies = [policy["PolicyDocument"] for policy in resources[role]["Policies"]]
    policies += [
        each["PolicyDocument"]
        for each in resources.values()
        if each["Type"] == "AWS::IAM::Policy" and each["Roles"] == [role]
    ]
    return [statement for policy in policies for statement in policy["Statement"]]


def _is_listing(statement: dict[str, Any]) -> bool:
    return "s3:ListBucket" in _listed(statement["Action"])


def _holds(condition: dict[str, Any], prefix: str | None) -> bool:
    """Evaluate a condition on s3:prefix as IAM does; None is a request without a prefix."""
    ((operator, keys),) = condition.items()
    assert set(keys) == {"s3:prefix"}
    if prefix is None:
        return bool(operator.endswith("IfExists"))
    patterns = _listed(keys["s3:prefix"])
    return any(fnmatchcase(prefix, pattern) for pattern in patterns)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _combinations() -> Iterator[tuple[str, ...]]:
    for size in range(len(SWITCHES) + 1):
        yield from itertools.combinations(SWITCHES, size)


def _operation(stack: Stack) -> dict[str, Any]:
    path = stack.resources["SearchApi"]["Body"]["paths"]["$default"]
    return path["x-amazon-apigateway-any-method"]  # type: ignore[no-any-return]


def _integration(stack: Stack) -> dict[str, Any]:
    return _operation(stack)["x-amazon-apigateway-integration"]  # type: ignore[no-any-return]
