"""The stack deployed: an emulator of CloudFormation makes all that the template describes, and twice in one account."""

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import botocore.session  # type: ignore[import-untyped]
import pytest
from botocore.config import Config  # type: ignore[import-untyped]

from handler.settings import Settings
from tests.infra.stack import Stack, transformed
from tests.s3 import call, free_port

REGION = "eu-west-1"
START_SECONDS = 30.0
EVERYTHING = {
    "CorsOrigins": "https://a.example",
    "JwtIssuer": "https://issuer.example",
    "JwtAudience": "one,two",
    "FunctionUrl": "iam",
    "ParallelEncoders": "100",
    "AlarmEmail": "me@mail.example",
    "AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:mine",
}


class Account:
    """Clients of one emulated account."""

    def __init__(self, url: str) -> None:
        access: dict[str, Any] = {
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "region_name": REGION,
        }
        access["config"] = Config(proxies={})  # straight to loopback, whatever the environment says
        session = botocore.session.Session()
        self.cloudformation = session.create_client("cloudformation", endpoint_url=url, **access)
        self.functions = session.create_client("lambda", endpoint_url=url, **access)
        self.s3 = session.create_client("s3", endpoint_url=url, **access)

    def deploy(
        self, name: str, template: dict[str, Any], parameters: dict[str, str]
    ) -> dict[str, str]:
        """Create a stack and return its outputs."""
        given = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ]
        self.cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps(template),
            Parameters=given,
            Capabilities=["CAPABILITY_IAM"],
        )
        limit = time.monotonic() + START_SECONDS
        while (stack := self._stack(name))[
            "StackStatus"
        ] == "CREATE_IN_PROGRESS" and time.monotonic() < limit:
            time.sleep(0.05)
        events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("FAILED")]
        assert (stack["StackStatus"], failed) == ("CREATE_COMPLETE", [])
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def resources(self, name: str) -> dict[str, str]:
        """Return type by name of a stack's resources."""
        found = self.cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        return {each["LogicalResourceId"]: each["ResourceType"] for each in found}

    def _stack(self, name: str) -> dict[str, Any]:
        return self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account whose bucket `code` holds package.zip."""
    if find_spec("ministack") is None:
        pytest.skip("needs ministack, the emulator of the development requirements")
    folder, port = tmp_path_factory.mktemp("account"), free_port()
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "TMPDIR": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=os.environ | own,
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_up(process, url)
        account = Account(url)
        account.s3.create_bucket(
            Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        account.s3.put_object(Bucket="code", Key="package.zip", Body=_package())
        yield account
    finally:
        process.terminate()
        process.wait(START_SECONDS)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return transformed()


@pytest.mark.parametrize(("name", "parameters"), [("plain", {}), ("full", EVERYTHING)])
def test_a_stack_is_made_whole(
    account: Account, template: dict[str, Any], name: str, parameters: dict[str, str]
) -> None:
    outputs = account.deploy(name, template, parameters)
    expected = Stack(template, **parameters)
    assert account.resources(name) == {
        key: each["Type"] for key, each in expected.resources.items()
    }
    assert set(outputs) == set(expected.outputs)
    assert outputs["Store"] == f"s3://{outputs['Bucket']}/querytower"
    reindex = account.functions.get_function_configuration(FunctionName=outputs["Reindex"])
    settings = Settings.from_mapping(reindex["Environment"]["Variables"])
    assert (settings.store, settings.corpus) == (outputs["Store"], outputs["Corpus"])
    assert reindex["Timeout"] == 900
    assert account.s3.get_bucket_versioning(Bucket=outputs["Bucket"])["Status"] == "Enabled"


def _package() -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("handler/main.py", "def http(event, context): ...\n")
    return package.getvalue()


def _wait_until_up(process: "subprocess.Popen[bytes]", url: str) -> None:
    limit = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < limit:
        try:
            call("GET", f"{url}/_ministack/health", timeout=2)
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.skip(f"the emulator did not start, exit code {process.poll()}")
