"""The reindex as Lambda runs it: events, the limit of time, the following run, leftovers."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from handler.encoder import Encoder
from handler.errors import CorpusError, GatesFailed, InvalidRequest, OutOfTime
from handler.reindex.job import ReindexJob
from handler.reindex.lambda_run import MAX_CONTINUATIONS, run
from handler.reindex.slices import SliceSize
from handler.settings import SettingError, Settings
from handler.versions.lease import Lease
from handler.versions.prune import prune
from handler.versions.repository import IndexRepository
from tests.function import EVENTS, ROOT
from tests.handler.reindexing import Counting, Place, record
from tests.s3 import free_port

DRIVER = """
import json, sys
from types import SimpleNamespace
import handler.main
context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
for name in sys.argv[1:]:
    print("ANSWER " + json.dumps(handler.main.reindex(json.load(open(name)), context)), flush=True)
"""


class Context:
    """Lambda's context; `left` has the seconds left at each look, and the last of them stays."""

    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:reindex"

    def __init__(self, *left: float) -> None:
        self._left = [*left] or [900.0]

    def get_remaining_time_in_millis(self) -> int:
        return int(1000 * (self._left.pop(0) if len(self._left) > 1 else self._left[0]))


@pytest.fixture
def place(encoder: Encoder, tmp_path: Path) -> Place:
    place = Place(tmp_path, Counting(encoder))
    place.write("a.jsonl", [record(f"a{n}") for n in range(12)])
    return place


@pytest.fixture
def settings(place: Place, tiny_model_dir: Path) -> Settings:
    return Settings(
        store=str(place.folder / "store"),
        corpus=str(place.corpus),
        model=str(tiny_model_dir),
        min_self_retrieval=0.0,
    )


@pytest.fixture
def invoked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand in for boto3, which Lambda's runtime has, and collect what is asked of it."""
    calls: list[dict[str, Any]] = []
    boto3 = ModuleType("boto3")

    def client(service: str) -> SimpleNamespace:
        return SimpleNamespace(invoke=lambda **call: calls.append({"service": service, **call}))

    boto3.client = client  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "boto3", boto3)
    return calls


def in_small_slices(monkeypatch: pytest.MonkeyPatch, documents: int = 5) -> None:
    """Let runs encode so few documents at once."""
    small = partial(ReindexJob, slices=SliceSize(documents, documents))
    monkeypatch.setattr("handler.reindex.lambda_run.ReindexJob", small)


def logged(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """Return the lines logged, by event."""
    return {line["event"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}


def test_the_events_of_scheduler_and_upload_start_it_in_a_process_of_its_own(
    place: Place, settings: Settings
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "_HANDLER": "handler.main.reindex",
        "QUERYTOWER_STORE": settings.store,
        "QUERYTOWER_CORPUS": settings.corpus,
        "QUERYTOWER_MODEL": settings.model,
        "QUERYTOWER_MIN_SELF_RETRIEVAL": "0",
    }
    events = [str(EVENTS / f"{name}.json") for name in ("scheduler", "upload")]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *events],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    answers = [
        json.loads(line.removeprefix("ANSWER ")) for line in lines if line.startswith("ANSWER ")
    ]
    assert [answer["outcome"] for answer in answers] == ["published", "unchanged"]
    log = [json.loads(line) for line in lines if line.startswith("{")]
    assert [line["trigger"] for line in log if line["event"] == "reindex_started"] == [
        "aws.scheduler",
        "aws.s3",
    ]
    assert place.current().manifest.documents == 12


def test_an_import_of_the_entry_point_loads_nothing_of_it() -> None:
    code = "import sys, handler.main; print(*(name for name in sys.modules if 'handler.' in name))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {
        "handler.reindex.lambda_run",
        "handler.reindex.pipeline",
        "handler.index.writer",
        "handler.corpus.spool",
    } & set(done.stdout.split())


def test_success_is_a_metric(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    run(settings, {}, Context())
    log = logged(capsys)
    assert log["reindex_started"]["trigger"] == "by hand"
    assert log["reindexed"]["ReindexSucceeded"] == 1
    names = [each["Name"] for each in log["reindexed"]["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    assert "ReindexSucceeded" in names


def test_failed_gates_are_a_metric_and_an_error_that_lambda_counts(
    place: Place, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run(settings, {}, Context())
    place.write("a.jsonl", [record("a1")])
    with pytest.raises(GatesFailed):
        run(settings, {}, Context())
    failed = logged(capsys)["reindex_failed"]
    assert (failed["GatesFailed"], failed["ReindexFailed"]) == (1, 1)
    assert "fewer than the 12" in failed["problem"]
    assert run(settings, {"force": True}, Context())["outcome"] == "published"


def test_a_dry_run_only_tells(place: Place, settings: Settings) -> None:
    assert run(settings, {"dry_run": True}, Context()) == {
        "outcome": "planned",
        "documents": 12,
        "rejected": 0,
        "encode": 12,
    }
    run(settings, {}, Context())
    assert run(settings, {"dry_run": True}, Context())["outcome"] == "unchanged"
    place.write("b.jsonl", [record("b")])
    assert run(settings, {"dry_run": True}, Context())["added"] == 1
    assert len(place.versions()) == 1


def test_a_run_that_finds_another_at_work_leaves_without_an_error(
    place: Place, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with Lease.take(place.repository, holder="the other"):
        assert run(settings, {}, Context()) == {"outcome": "held"}
    assert "the other has been working on" in logged(capsys)["lease_held"]["problem"]


def test_runs_out_of_time_continue_until_it_is_done(
    place: Place, settings: Settings, invoked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_slices(monkeypatch)
    event: dict[str, Any] = {"full": True}
    for number in (1, 2):
        assert run(settings, event, Context(0.0)) == {
            "outcome": "continued",
            "continuation": number,
        }
        call = invoked.pop()
        assert (call["service"], call["InvocationType"]) == ("lambda", "Event")
        assert call["FunctionName"] == Context.invoked_function_arn
        event = json.loads(call["Payload"])
        assert event == {"full": True, "continuation": number}
    assert run(settings, event, Context())["outcome"] == "published"
    assert invoked == []
    assert place.current().manifest.documents == 12


def test_the_number_of_runs_in_a_row_is_bounded(
    settings: Settings, invoked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_slices(monkeypatch)
    with pytest.raises(OutOfTime, match="give the function more memory"):
        run(settings, {"continuation": MAX_CONTINUATIONS}, Context(0.0))
    assert invoked == []


def test_without_boto3_the_next_scheduled_run_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    in_small_slices(monkeypatch)
    assert run(settings, {}, Context(0.0)) == {"outcome": "out of time"}
    assert "next scheduled run" in logged(capsys)["not_continued"]["problem"]
    assert run(settings, {}, Context())["outcome"] == "published"


def test_more_than_fits_one_run_is_handed_out_to_other_functions(
    place: Place, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here, this process does what the state machine has functions do."""
    in_small_slices(monkeypatch, 2)
    monkeypatch.setattr("handler.reindex.state_machine.FEW", 3)
    started: list[dict[str, Any]] = []
    running: list[str] = []
    machine = SimpleNamespace(
        start_execution=lambda **call: started.append(call),
        list_executions=lambda **_: {"executions": running},
    )
    boto3 = ModuleType("boto3")
    boto3.client = {"stepfunctions": machine}.__getitem__  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "boto3", boto3)
    many = replace(settings, encoders="arn:aws:states:eu-west-1:123456789012:stateMachine:encode")

    assert run(many, {"force": True}, Context()) == {"outcome": "handed out"}
    [call] = started
    assert call["stateMachineArn"] == many.encoders
    what = json.loads(call["input"])
    assert what["following"] == {"force": True, "continuation": 1}
    keys = [each.path for each in place.store.list() if "/slices/" in each.path]
    assert len(keys) == 6

    running.append("an execution")
    assert run(many, {}, Context()) == {"outcome": "handed out"}
    assert len(started) == 1
    made = [run(many, {"encode": key}, Context())["documents"] for key in keys]
    assert made == [2] * 6
    assert run(many, {"encode": keys[0]}, Context())["documents"] == 0  # once more does no harm
    outcome = run(many, what["following"], Context())
    assert outcome["outcome"] == "published"
    assert place.current().manifest.documents == 12
    assert not [path for path in place.paths() if path.startswith("work/")]


def test_a_small_change_is_encoded_at_once_although_there_are_encoders(
    place: Place, settings: Settings
) -> None:
    many = replace(settings, encoders="arn:aws:states:eu-west-1:123456789012:stateMachine:encode")
    assert run(many, {}, Context())["outcome"] == "published"


@pytest.mark.parametrize("key", ["", "x", "indexes/other/work/{}/slices/{}", "../{}/slices/{}"])
def test_a_worker_refuses_what_is_no_slice_of_its_index(settings: Settings, key: str) -> None:
    event = {"encode": key.format("0" * 16, "0" * 32)}
    with pytest.raises(InvalidRequest, match="is no slice of index 'default'; the state machine"):
        run(settings, event, Context())


def test_what_arrives_while_it_works_is_indexed_too(
    place: Place, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upload's own event would find the lease taken."""

    publish = IndexRepository.publish

    def publish_and_upload(*arguments: Any) -> Any:
        if not (place.corpus / "late.jsonl").exists():
            place.write("late.jsonl", [record("late")])
        return publish(*arguments)

    monkeypatch.setattr(IndexRepository, "publish", publish_and_upload)
    outcome = run(settings, {}, Context())
    assert place.current().text.row_of("late") is not None
    assert outcome == {"outcome": "published", "version": place.version()}


def test_old_versions_are_pruned_after_a_publish(
    place: Place, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handler.reindex.lambda_run.prune", partial(prune, grace=0))
    for number in range(3):
        place.write("b.jsonl", [record(f"b{number}")])
        run(replace(settings, keep_versions=1), {}, Context())
    assert len(place.repository.versions()) <= 2  # names made within one second have no order


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"store": ""}, "QUERYTOWER_STORE is not set"),
        ({"corpus": ""}, "QUERYTOWER_CORPUS"),
        ({"corpus_fields": "id,text"}, "QUERYTOWER_CORPUS_FIELDS"),
    ],
)
def test_settings_that_are_missing_are_named(
    settings: Settings, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises((SettingError, CorpusError), match=problem):
        run(replace(settings, **changes), {}, Context())


def test_fields_of_the_corpus_can_be_named(place: Place, settings: Settings) -> None:
    place.write(
        "a.jsonl",
        [{"isbn": "1", "name": "N", "blurb": "words", "link": "https://x.example", "year": 1}],
    )
    run(replace(settings, corpus_fields="isbn, name, blurb, link"), {}, Context())
    document = place.current().document(0)
    assert (document.id, document.title, document.text, document.url) == (
        "1",
        "N",
        "words",
        "https://x.example",
    )


def test_the_log_tells_no_secret_of_a_signed_corpus_url(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    signed = f"http://127.0.0.1:{free_port()}/a.jsonl?X-Amz-Signature=secret"
    with pytest.raises(CorpusError) as caught:
        run(replace(settings, corpus=signed), {}, Context())
    out = capsys.readouterr().out
    assert signed.partition("?")[0] in out
    assert "secret" not in out + str(caught.value)
