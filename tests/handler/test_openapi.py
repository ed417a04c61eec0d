"""The OpenAPI document is valid, and the application does what it says."""

from typing import Any

import hypothesis
import pytest
import schemathesis
from openapi_spec_validator import validate
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from handler.app import create_app
from handler.service import Service
from tests.library import Library

# Which fields can be sorted by, counted or returned depends on the index, so a request may be as
# described and be refused.
UNFIT: list[Any] = [positive_data_acceptance]
# Requests to each operation: as described, and wrong on purpose.
EXAMPLES = hypothesis.settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def described(library: Library) -> Any:
    """The application's own description, through which schemathesis calls it."""
    settings = library.settings()
    service = Service.open(settings)
    app = create_app(settings, lambda: service)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def test_the_document_is_valid(client: TestClient) -> None:
    validate(client.get("/openapi.json").json())


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=str)
def test_every_answer_is_as_described(described: Any, mode: schemathesis.GenerationMode) -> None:
    operations = [each.ok() for each in described.get_all_operations()]
    assert len(operations) > 25
    for operation in operations:
        wrong = mode is schemathesis.GenerationMode.NEGATIVE

        @EXAMPLES
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            case.call_and_validate(excluded_checks=UNFIT)

        try:
            check()
        except hypothesis.errors.Unsatisfiable:
            assert wrong, f"nothing fits the description of {operation.label}"
