"""querytower serve and demo: a real server in a process of its own."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from handler.settings import SettingError
from infra.cli.server import listen
from tests.command_line import Run, expect_failure, start
from tests.library import BOOKS, FILMS, Library, add_index
from tests.s3 import call


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_serve_until_interrupted(tmp_path: Path, library: Library) -> None:
    old = add_index(tmp_path / "store", library.model, BOOKS, tmp_path).version
    process = start(
        "serve", "--store", "store", "--port", 0,
        "--model", os.path.relpath(library.model, tmp_path),
        folder=tmp_path, QUERYTOWER_POLL_SECONDS="0", QUERYTOWER_MAX_K="3", COLUMNS="200",
    )  # fmt: skip
    try:
        assert process.stderr is not None
        banner = f"6 documents of index default, version {old}\n"
        assert process.stderr.readline() == banner
        address = re.search(
            r"serving on (http://127\.0\.0\.1:\d+) .*stop with Ctrl-C", process.stderr.readline()
        )
        assert address is not None
        url = address[1]
        answer = json.loads(call("GET", f"{url}/search?q=tide&k=3"))
        assert (answer["index_version"], len(answer["hits"])) == (old, 3)
        with pytest.raises(HTTPError, match="422"):
            call("GET", f"{url}/search?q=tide&k=4")
        assert b"POST /search" in call("GET", f"{url}/docs")
        new = add_index(tmp_path / "store", library.model, FILMS, tmp_path).version
        seen = {json.loads(call("GET", f"{url}/ready"))["index_version"] for _ in range(200)}
        assert new in seen <= {old, new}
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == ""
    lines = [json.loads(line) for line in out.splitlines()]
    assert {line["event"] for line in lines} >= {"request", "index_swapped"}


def test_a_taken_port(run: Run, library: Library, taken: int) -> None:
    expect_failure(
        run("serve", "--store", library.store, "--model", library.model, "--port", taken),
        f"can't listen on 127.0.0.1:{taken}: Address already in use",
        "choose another with --port",
    )


def test_an_address_of_somebody_else() -> None:
    with pytest.raises(
        SettingError, match=r"can't listen on 192\.0\.2\.1:0: .*; choose another with --port"
    ):
        listen("192.0.2.1", 0)


def test_a_missing_index_is_found_out_before_the_start(run: Run, library: Library) -> None:
    expect_failure(
        run(
            "serve",
            "--store",
            library.store,
            "--model",
            library.model,
            "--name",
            "poems",
            "--port",
            0,
        ),
        "has no index 'poems' (indexes there: default, films); make it with: querytower index",
    )


def test_bad_settings_are_found_out_before_the_start(
    run: Run, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUERYTOWER_POLL_SECONDS", "-1")
    expect_failure(
        run("serve", "--store", library.store, "--model", library.model, "--port", 0),
        "QUERYTOWER_POLL_SECONDS is '-1'; set it to 0 or more",
    )
