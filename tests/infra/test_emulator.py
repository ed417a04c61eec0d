"""The Lambda emulator with a small handler: AWS's real program, no Docker."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from handler.errors import QuerytowerError
from infra.cli.commands.invoke import invoke
from infra.emulation.emulator import MAX_EVENT_BYTES, Emulator, shell_environment
from infra.emulation.processes import descendants, free_ports

pytestmark = pytest.mark.usefixtures("rie")

HANDLER = """
import json, os, subprocess, time

print("imported")
calls = 0

def echo(event, context):
    global calls
    calls += 1
    print("call", calls)
    return {"event": event, "calls": calls, "request": context.aws_request_id, "folder": os.getcwd()}

def http(event, context):
    return {
        "statusCode": event.get("status", 200),
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"path": event["rawPath"], "store": os.environ.get("QUERYTOWER_STORE")}),
    }

def environment(event, context):
    return dict(os.environ)

def misbehave(event, context):
    print("about to", event["do"])
    if event["do"] == "raise":
        raise ValueError("no such genre")
    if event["do"] == "exit":
        os._exit(7)
    if event["do"] == "sleep":
        time.sleep(event["seconds"])
    if event["do"] == "fork":
        child = subprocess.Popen(["sleep", "60"], process_group=0)
        return child.pid
    if event["do"] == "allocate":
        return len(bytearray(event["bytes"]))
    return "fine"
"""


@pytest.fixture(scope="module")
def task_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    (folder / "toy.py").write_text(HANDLER, "utf-8")
    return folder


@pytest.fixture(scope="module")
def misbehaving(task_root: Path) -> Iterator[Emulator]:
    with Emulator(task_root, "toy.misbehave", environment={}, timeout_s=1) as emulator:
        yield emulator


def test_the_first_call_starts_the_function_and_the_next_finds_it_warm(task_root: Path) -> None:
    event = {"text": "Größe, 大きさ", "list": [1, 2.5, None, True]}
    with Emulator(task_root, "toy.echo", environment={}, memory_mb=512) as emulator:
        cold, warm = emulator.invoke(event), emulator.invoke({})
    assert cold.payload == {
        "event": event,
        "calls": 1,
        "request": cold.request_id,
        "folder": str(task_root),
    }
    assert (warm.payload["calls"], warm.payload["event"]) == (2, {})
    assert cold.log == ("imported", "call 1")
    assert warm.log == ("call 2",)
    assert cold.init_ms is not None
    assert 0 < cold.duration_ms + cold.init_ms <= cold.wall_ms
    assert warm.init_ms is None
    assert cold.report.startswith(
        f"REPORT RequestId: {cold.request_id}\tDuration: {cold.duration_ms:.2f} ms\t"
    )
    assert (
        f"Memory Size: 512 MB\tMax Memory Used: {cold.max_memory_mb} MB\tInit Duration: "
        in cold.report
    )
    assert "Init Duration" not in warm.report


def test_figures_are_those_of_the_function(misbehaving: Emulator) -> None:
    nap = misbehaving.invoke({"do": "sleep", "seconds": 0.2})
    assert nap.duration_ms >= 200
    small = misbehaving.invoke({"do": "nothing"})
    large = misbehaving.invoke({"do": "allocate", "bytes": 200 << 20})
    assert large.max_memory_mb - small.max_memory_mb >= 190


def test_an_exception_is_named_with_its_log_and_the_function_lives_on(
    misbehaving: Emulator,
) -> None:
    with pytest.raises(
        QuerytowerError, match=r"toy\.misbehave raised ValueError: no such genre; "
    ) as caught:
        misbehaving.invoke({"do": "raise"})
    log = "\n".join(caught.value.__notes__)
    assert "about to raise" in log
    assert "toy.py" in log
    assert misbehaving.invoke({"do": "nothing"}).payload == "fine"


def test_a_crash_is_named_and_the_next_call_starts_anew(misbehaving: Emulator) -> None:
    with pytest.raises(QuerytowerError, match=r"Runtime\.ExitError: .*exit status 7; ") as caught:
        misbehaving.invoke({"do": "exit"})
    assert "about to exit" in caught.value.__notes__
    again = misbehaving.invoke({"do": "nothing"})
    assert again.init_ms is not None
    assert again.payload == "fine"


def test_a_timeout_is_enforced_and_named(misbehaving: Emulator) -> None:
    with pytest.raises(
        QuerytowerError, match=r"timed out after 1\.00 seconds; make it faster, or raise --timeout"
    ):
        misbehaving.invoke({"do": "sleep", "seconds": 30})
    assert misbehaving.invoke({"do": "nothing"}).payload == "fine"


def test_an_event_beyond_lambdas_limit_is_refused_rather_than_truncated(
    misbehaving: Emulator,
) -> None:
    with pytest.raises(
        QuerytowerError, match=f"Lambda takes {MAX_EVENT_BYTES}; send a smaller one"
    ):
        misbehaving.invoke({"do": "x" * MAX_EVENT_BYTES})


def test_the_function_sees_only_the_environment_it_is_given(
    task_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMETHING_PRIVATE", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for the function")
    given = {"QUERYTOWER_INDEX": "books", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id"}
    with Emulator(
        task_root, "toy.environment", environment=given, memory_mb=512, timeout_s=9
    ) as emulator:
        seen = emulator.invoke({}).payload
    assert {name: seen[name] for name in given} == given
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert seen["AWS_LAMBDA_FUNCTION_TIMEOUT"] == "9"
    assert seen["LAMBDA_TASK_ROOT"] == str(task_root)
    assert seen["AWS_SECRET_ACCESS_KEY"] == ""  # the emulator sets it
    assert "SOMETHING_PRIVATE" not in seen


def test_a_shells_settings_and_access_to_storage_are_selected() -> None:
    wanted = {
        "QUERYTOWER_STORE",
        "AWS_ENDPOINT_URL_S3",
        "AWS_REGION",
        "AZURE_STORAGE_ACCOUNT_NAME",
        "HTTPS_PROXY",
    }
    unwanted = {"EDITOR", "AWS_PROFILE", "AWS_LAMBDA_FUNCTION_NAME", "MY_AWS_REGION", "PYTHONPATH"}
    assert shell_environment(dict.fromkeys(wanted | unwanted, "x")).keys() == wanted


def test_nothing_keeps_running_afterwards(task_root: Path) -> None:
    with Emulator(task_root, "toy.misbehave", environment={}) as emulator:
        child = emulator.invoke({"do": "fork"}).payload
        session = os.getsid(child)
        runtime = {*descendants(session)} - {child}
        assert len(runtime) == 1
    for pid in (session, child, *runtime):
        _wait_until_gone(pid)


def test_several_emulators_run_side_by_side(task_root: Path) -> None:
    with (
        Emulator(task_root, "toy.echo", environment={}) as one,
        Emulator(task_root, "toy.echo", environment={}) as two,
    ):
        assert [e.invoke({}).payload["calls"] for e in (one, two, one)] == [1, 1, 2]


def test_a_port_taken_meanwhile_costs_another_attempt(
    task_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(task_root, "toy.echo", environment={}) as one:
        choices = [(one._port, free_ports()[1]), free_ports()]
        monkeypatch.setattr("infra.emulation.emulator.free_ports", lambda: choices.pop(0))
        with Emulator(task_root, "toy.echo", environment={}) as two:
            assert two.invoke({}).payload["calls"] == 1
        assert choices == []


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        (
            "absent.http",
            "can't be loaded: Unable to import module 'absent'.*; check the handler's name",
        ),
        ("toy.absent", "toy.absent failed with Runtime.HandlerNotFound"),
    ],
)
def test_a_handler_that_is_not_there(task_root: Path, handler: str, problem: str) -> None:
    with (
        Emulator(task_root, handler, environment={}) as emulator,
        pytest.raises(QuerytowerError, match=problem),
    ):
        emulator.invoke({})


def test_a_python_without_awslambdaric(task_root: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = tmp_path / "bare/bin/python"
    with pytest.raises(
        QuerytowerError, match=f"{python} can't import awslambdaric.*-m pip install awslambdaric"
    ):
        Emulator(task_root, "toy.echo", environment={}, python=python)
    with pytest.raises(QuerytowerError, match=r"can't run .*: No such file"):
        Emulator(task_root, "toy.echo", environment={}, python=tmp_path / "absent")


def test_a_task_root_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(QuerytowerError, match="absent is not a folder; "):
        Emulator(tmp_path / "absent", "toy.echo", environment={})


def test_invoke_prints_answer_log_and_report(task_root: Path) -> None:
    event = Path(__file__).parents[2] / "infra/events/search.json"
    options = [
        "--handler",
        "toy.http",
        "--task-root",
        str(task_root),
        "--store",
        "some/store",
        "--times",
        "2",
    ]
    result = CliRunner().invoke(_app(), [str(event), *options])
    assert result.exit_code == 0, result.output
    status, header, empty, *rest = result.stdout.splitlines()
    assert (status, header, empty) == ("HTTP 200 OK", "content-type: application/json", "")
    assert '  "path": "/search",' in rest
    assert f'  "store": "{Path("some/store").absolute()}"' in rest
    assert [line.split()[0] for line in rest[-2:]] == ["REPORT", "REPORT"]
    assert "imported" in result.stderr


def test_invoke_fails_when_the_function_does(task_root: Path) -> None:
    options = ["--task-root", str(task_root), "--handler"]
    unavailable = CliRunner().invoke(
        _app(), ["-", *options, "toy.http"], input='{"status": 503, "rawPath": "/"}'
    )
    assert (unavailable.exit_code, unavailable.stdout.splitlines()[0]) == (
        1,
        "HTTP 503 Service Unavailable",
    )
    raised = CliRunner().invoke(_app(), ["-", *options, "toy.misbehave"], input='{"do": "raise"}')
    assert raised.exit_code == 1
    assert isinstance(raised.exception, QuerytowerError)
    assert "about to raise" in raised.stderr


@pytest.mark.parametrize(
    ("event", "problem"), [("absent.json", "No such file"), ("-", "standard input is not JSON")]
)
def test_invoke_explains_an_unreadable_event(event: str, problem: str) -> None:
    result = CliRunner().invoke(_app(), [event], input="{")
    assert problem in str(result.exception)


def _app() -> Typer:
    app = Typer()
    app.command()(invoke)
    return app


def _wait_until_gone(pid: int) -> None:
    """Wait for init to collect the process; a zombie counts as gone."""
    limit = time.monotonic() + 10
    with suppress(FileNotFoundError, ProcessLookupError):
        while Path(f"/proc/{pid}/stat").read_text("utf-8").split(") ")[-1][0] != "Z":
            assert time.monotonic() < limit, f"process {pid} still runs"
            time.sleep(0.01)
