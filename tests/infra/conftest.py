"""Fixtures that the tests of the command line and of deployment share."""

from typing import Any

import pytest

from tests.command_line import corpus, run
from tests.disks import disk
from tests.infra.stack import Stack, transformed
from tests.library import library
from tests.s3 import s3_server

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
