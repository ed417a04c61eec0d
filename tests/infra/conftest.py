"""Fixtures that the tests of the command line and of deployment share."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

from handler.errors import QuerytowerError
from infra.emulation.emulator import Emulator
from infra.emulation.program import find_program
from tests.command_line import corpus, run
from tests.disks import disk
from tests.function import ROOT
from tests.infra.stack import Stack, transformed
from tests.library import BOOKS, Library, add_index, library
from tests.s3 import S3Server, environment, s3_server

__all__ = ["corpus", "disk", "library", "run", "s3_server"]


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """template.yaml as SAM transforms it."""
    return transformed()


@pytest.fixture(scope="session")
def stack(template: dict[str, Any]) -> Stack:
    """The stack as it is with all parameters at their defaults."""
    return Stack(template)


@pytest.fixture(scope="session")
def resources(stack: Stack) -> dict[str, Any]:
    """Resources of that stack by name."""
    return stack.resources


@pytest.fixture(scope="session")
def functions(stack: Stack) -> dict[str, dict[str, Any]]:
    """Its functions by name."""
    found = stack.of_type("AWS::Lambda::Function")
    assert set(found) == {"SearchFunction", "ReindexFunction"}
    return found


@pytest.fixture(scope="session")
def rie() -> None:
    """AWS's emulator and runtime client; skips where one of them isn't here."""
    try:
        find_program()
    except QuerytowerError as error:
        pytest.skip(str(error))
    if importlib.util.find_spec("awslambdaric") is None:
        pytest.skip("awslambdaric is not installed; run: make install")


@pytest.fixture(scope="module")
def variables(
    rie: None, library: Library, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Environment of a function whose store is a bucket with the books in it."""
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
