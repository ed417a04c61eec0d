"""The function in AWS's emulator and `querytower serve` give the same answers, byte for byte."""

import re
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.emulation.emulator import Emulator
from tests.command_line import start
from tests.requests import REQUESTS, Answer, answer_of, comparable, request

# The connection's own, or wrong once a body is changed.
NOT_SENT = {"host", "content-length"}


@pytest.fixture(scope="module")
def served(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the server, which has the settings of the function."""
    process = start(
        "serve", "--port", 0, "--model", variables["QUERYTOWER_MODEL"],
        folder=tmp_path_factory.mktemp("served"), COLUMNS="200", **variables,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        banner = process.stderr.readline() + process.stderr.readline()
        address = re.search(r"http://(127\.0\.0\.1:\d+)", banner)
        assert address, banner + process.stderr.read()
        yield address[1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def by_server(address: str, sent: dict[str, Any]) -> Answer:
    connection = HTTPConnection(address, timeout=30)
    try:
        query = f"?{sent['rawQueryString']}" if sent["rawQueryString"] else ""
        headers = {name: value for name, value in sent["headers"].items() if name not in NOT_SENT}
        body = sent["body"].encode() if "body" in sent else None
        connection.request(
            sent["requestContext"]["http"]["method"], sent["rawPath"] + query, body, headers
        )
        answer = connection.getresponse()
        return comparable(
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            answer.read(),
        )
    finally:
        connection.close()


@pytest.mark.parametrize("name", REQUESTS)
def test_server_and_function_give_the_same_answer(
    emulator: Emulator, served: str, name: str
) -> None:
    assert answer_of(emulator.invoke(REQUESTS[name]).payload) == by_server(served, REQUESTS[name])


def test_the_files_of_the_page_are_the_same(emulator: Emulator, served: str) -> None:
    page = by_server(served, REQUESTS["page"]).body.decode()
    paths = {urlsplit(path).path for path in re.findall(r'(?:href|src)="(/?web/[^"]+)"', page)}
    assert len(paths) >= 2
    for path in paths:
        sent = request("GET", f"/{path.lstrip('/')}")
        assert answer_of(emulator.invoke(sent).payload) == by_server(served, sent)


def test_the_requests_are_answered_in_all_the_ways_there_are(served: str) -> None:
    statuses = {name: by_server(served, sent).status for name, sent in REQUESTS.items()}
    assert {200, 404, 405, 415, 422} <= set(statuses.values()), statuses
