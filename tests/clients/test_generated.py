"""Clients that are generated from the OpenAPI document: they compile, search, filter, tell errors."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.function import ROOT

ENVIRONMENT = ROOT / ".venv-clients"
MYSTERIES = {"tides/1", "the-lighthouse"}
UNKNOWN_FIELD = "'colour' is no field of this index"
ASK_IN_PYTHON = """
import json, sys
from library.client import Client
from library.api.default import search, search_by_url
from library.models import SearchRequest, SearchRequestFilterType0

def wanting(**condition):
    return SearchRequestFilterType0.from_dict(condition)

with Client(base_url=sys.argv[1]) as client:
    body = SearchRequest(query="a boat on the coast", k=3, filter_=wanting(genres="mystery"))
    found = search.sync(client=client, body=body)
    body = SearchRequest(query="tide", filter_=wanting(colour="red"))
    wrong = search.sync_detailed(client=client, body=body)
    first = search_by_url.sync(client=client, q="tide", k=1).hits[0].id
ids = [hit.id for hit in found.hits]
print(json.dumps(
    {"ids": ids, "status": wrong.status_code, "detail": wrong.parsed.detail, "first": first}
))
"""


@pytest.fixture
def described(address: str, tmp_path: Path) -> Path:
    """The OpenAPI document of a server, in a file."""
    file = tmp_path / "openapi.json"
    with urlopen(f"{address}/openapi.json") as answer:
        file.write_bytes(answer.read())
    return file


def run(*command: object, folder: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(printed: str) -> None:
    found: dict[str, Any] = json.loads(printed)
    assert set(found["ids"]) == MYSTERIES
    assert found["status"] == 422
    assert UNKNOWN_FIELD in found["detail"]
    assert found["first"]


def test_python(described: Path, address: str, tmp_path: Path) -> None:
    pytest.importorskip(
        "openapi_python_client", reason="the clients are not installed; run: make clients"
    )
    generator = Path(sys.executable).with_name("openapi-python-client")
    options = ("--path", described, "--output-path", tmp_path / "library", "--meta", "none")
    printed = run(generator, "generate", *options, folder=tmp_path)
    assert "ERROR" not in printed
    run(sys.executable, "-m", "compileall", "-q", "library", folder=tmp_path)
    check(run(sys.executable, "-c", ASK_IN_PYTHON, address, folder=tmp_path))


def test_typescript(described: Path, address: str, tmp_path: Path) -> None:
    modules = ENVIRONMENT / "node_modules"
    node = shutil.which("node")
    if node is None or not modules.is_dir():
        pytest.skip("Node.js or its packages are not installed; install npm and run: make clients")
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(ROOT / "tests/clients/typescript/client.ts", tmp_path)
    generator = modules / "openapi-typescript/bin/cli.js"
    # Otherwise a field with a default must be sent.
    optional = ("--default-non-nullable", "false", "-o", "api.d.ts")
    run(node, generator, described, *optional, folder=tmp_path)
    strict = ("--strict", "--module", "nodenext", "--target", "es2022")
    run(node, modules / "typescript/bin/tsc", *strict, "client.ts", folder=tmp_path)
    check(run(node, "client.js", address, folder=tmp_path))
