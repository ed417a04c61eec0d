"""The sample events inside AWS's runtime emulator, over an S3 store."""

import json
from pathlib import Path
from typing import Any

import pytest

from handler.errors import QuerytowerError
from infra.emulation.emulator import Emulator
from tests.command_line import Run
from tests.function import EVENTS, ROOT, event, get_event
from tests.library import FILMS, Library, add_index

HTTP = sorted(path.stem for path in EVENTS.glob("*.json") if "rawPath" in path.read_text("utf-8"))


def body_of(payload: dict[str, Any]) -> dict[str, Any]:
    assert not payload["isBase64Encoded"]
    return dict(json.loads(payload["body"]))


@pytest.mark.parametrize("name", HTTP)
def test_the_emulated_function_answers_and_logs(emulator: Emulator, name: str) -> None:
    sent = event(name)
    answer = emulator.invoke(sent)
    headers = answer.payload["headers"]
    assert (answer.payload["statusCode"], headers["content-type"]) == (200, "application/json")
    assert body_of(answer.payload)
    assert headers["x-request-id"] == sent["requestContext"]["requestId"]
    assert "total;dur=" in headers["server-timing"]
    [line] = [line for line in map(json.loads, answer.log) if line["event"] == "request"]
    assert (line["request_id"], line["status"], line["path"]) == (
        headers["x-request-id"],
        200,
        sent["rawPath"],
    )


def test_a_request_is_one_line_in_the_log_format_of_the_template(
    variables: dict[str, str],
) -> None:
    environment = variables | {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
    with Emulator(ROOT, "handler.main.http", environment=environment) as emulator:
        emulator.invoke(event("search"))
        lines = [json.loads(line) for line in emulator.invoke(event("search")).log]
    assert [line.get("event") for line in lines] == ["request"]


def test_the_function_is_warm_after_its_start(emulator: Emulator) -> None:
    first, second = emulator.invoke(event("search")), emulator.invoke(event("search"))
    assert second.init_ms is None
    assert first.payload["body"] == second.payload["body"]
    assert first.report.startswith("REPORT RequestId: ")


def test_a_problem_leaves_the_function_as_text(emulator: Emulator) -> None:
    payload = emulator.invoke(get_event("/documents/no-such-book")).payload
    assert (payload["statusCode"], payload["headers"]["content-type"]) == (
        404,
        "application/problem+json",
    )
    assert body_of(payload)["detail"] == "index 'default' has no document with id 'no-such-book'"


def test_an_event_that_is_no_request_is_named(emulator: Emulator) -> None:
    with pytest.raises(
        QuerytowerError,
        match=r"handler\.main\.http raised RuntimeError: .*unable to infer a handler",
    ):
        emulator.invoke(event("scheduler"))
    assert emulator.invoke(event("health")).payload["statusCode"] == 200


def test_the_warm_function_notices_a_new_version(
    emulator: Emulator, library: Library, variables: dict[str, str], tmp_path: Path
) -> None:
    new = add_index(variables["QUERYTOWER_STORE"], library.model, FILMS, tmp_path).version
    for _ in range(50):
        answer = emulator.invoke(event("ready"))
        assert (answer.payload["statusCode"], answer.init_ms) == (200, None)
        if body_of(answer.payload)["index_version"] == new:
            break
    assert body_of(answer.payload)["documents"] == len(FILMS)


def test_the_command_prints_answer_and_report(
    run: Run, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    outcome = run("invoke", EVENTS / "ready.json", "--model", variables["QUERYTOWER_MODEL"])
    assert outcome.code == 0
    assert outcome.out.startswith("HTTP 200 OK\n")
    assert '"status": "ready"' in outcome.out
    assert outcome.out.splitlines()[-1].startswith("REPORT RequestId: ")
