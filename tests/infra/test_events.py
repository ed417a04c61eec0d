"""The sample events inside AWS's runtime emulator, over an S3 store, beside the application in this process."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from handler.api.app import create_app
from handler.errors import QuerytowerError
from handler.service import Service
from handler.settings import Settings
from infra.emulator import Emulator
from infra.rie import find_program
from tests.command_line import Run
from tests.function import EVENTS, ROOT, event, get_event
from tests.library import BOOKS, FILMS, Library, add_index
from tests.s3 import S3Server, environment

HTTP = sorted(path.stem for path in EVENTS.glob("*.json") if "rawPath" in path.read_text("utf-8"))


@pytest.fixture(scope="module")
def variables(
    library: Library, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Environment of a function whose store is a bucket with the books in it."""
    try:
        find_program()
    except QuerytowerError as error:
        pytest.skip(str(error))
    if importlib.util.find_spec("awslambdaric") is None:
        pytest.skip("awslambdaric is not installed; run: make install")
    scratch = tmp_path_factory.mktemp("events")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(s3_server.url).items():
            patch.setenv(name, value)
        url = f"s3://{s3_server.create_bucket()}/books"
        add_index(url, library.model, BOOKS, scratch)
        yield library.environment(
            QUERYTOWER_STORE=url,
            QUERYTOWER_CACHE=str(scratch / "cache"),
            QUERYTOWER_POLL_SECONDS="0",
            **environment(s3_server.url),
        )


@pytest.fixture(scope="module")
def emulator(variables: dict[str, str]) -> Iterator[Emulator]:
    with Emulator(ROOT, "handler.main.http", environment=variables) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def client(variables: dict[str, str]) -> TestClient:
    settings = Settings.from_mapping(variables)
    service = Service.open(settings)
    return TestClient(create_app(settings, lambda: service))


def body_of(payload: dict[str, Any]) -> dict[str, Any]:
    assert not payload["isBase64Encoded"]
    return dict(json.loads(payload["body"]))


@pytest.mark.parametrize("name", HTTP)
def test_the_emulated_function_answers_as_the_application_does(
    emulator: Emulator, client: TestClient, name: str
) -> None:
    sent = event(name)
    http = sent["requestContext"]["http"]
    answer = emulator.invoke(sent)
    here = client.request(
        http["method"],
        f"{sent['rawPath']}?{sent['rawQueryString']}",
        content=sent.get("body"),
        headers={"content-type": "application/json"},
    )
    assert answer.payload["statusCode"] == here.status_code == 200
    assert body_of(answer.payload) == here.json()
    headers = answer.payload["headers"]
    for header in ("content-type", "x-index-version"):
        assert headers.get(header) == here.headers.get(header)
    assert headers["x-request-id"] == sent["requestContext"]["requestId"]
    assert "total;dur=" in headers["server-timing"]
    [line] = [line for line in map(json.loads, answer.log) if line["event"] == "request"]
    assert (line["request_id"], line["status"], line["path"]) == (headers["x-request-id"], 200, sent["rawPath"])


def test_the_function_is_warm_after_its_start(emulator: Emulator) -> None:
    first, second = emulator.invoke(event("search")), emulator.invoke(event("search"))
    assert second.init_ms is None
    assert first.payload["body"] == second.payload["body"]
    assert first.report.startswith("REPORT RequestId: ")


def test_a_problem_leaves_the_function_as_text(emulator: Emulator) -> None:
    payload = emulator.invoke(get_event("/documents/no-such-book")).payload
    assert (payload["statusCode"], payload["headers"]["content-type"]) == (404, "application/problem+json")
    assert body_of(payload)["detail"] == "index 'default' has no document with id 'no-such-book'"


def test_an_event_that_is_no_request_is_named(emulator: Emulator) -> None:
    with pytest.raises(QuerytowerError, match=r"handler\.main\.http raised RuntimeError: .*unable to infer a handler"):
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
