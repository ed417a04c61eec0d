"""The page at /docs: all of the API, from nowhere but this application."""

import re

from starlette.testclient import TestClient


def test_every_operation_and_parameter_is_described(client: TestClient) -> None:
    page = client.get("/docs").text
    document = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/indexes/{name}/"):
                continue
            section = re.search(
                f'<section id="{operation["operationId"]}">(.*?)</section>', page, re.DOTALL
            )
            assert section, path
            assert f"{method.upper()} {path}" in section[1]
            for parameter in operation.get("parameters", []):
                assert f"<code>{parameter['name']}</code>" in section[1]
    for name in document["components"]["schemas"]:
        assert f'<section id="{name}">' in page
    assert {*re.findall(r'href="#(\w+)"', page)} <= {*re.findall(r'id="(\w+)"', page)}


def test_it_loads_nothing_and_runs_nothing(client: TestClient) -> None:
    answer = client.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<(script|link|img|iframe)|url\(|@import|https?://", answer.text)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
