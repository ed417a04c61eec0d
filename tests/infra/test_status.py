"""querytower status: the verdict over a store and the logs of its functions."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from infra.status.logs import read_events
from infra.status.traffic import Traffic
from tests.command_line import Run
from tests.handler.reindexing import lines, record

REPORT = (
    "REPORT RequestId: 1 Duration: 3.10 ms Billed Duration: 4 ms Memory Size: 512 MB "
    "Max Memory Used: 180 MB"
)


def request(status: int = 200, total_ms: float = 3.0, **more: Any) -> str:
    return json.dumps({"event": "request", "status": status, "total_ms": total_ms, **more})


@pytest.fixture
def store(run: Run, tmp_path: Path, tiny_model_dir: Path) -> str:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(lines([record(f"a{n}") for n in range(3)]))
    assert run("index", corpus, "--to", "store", "--model", tiny_model_dir).code == 0
    return "store"


def test_all_is_well(run: Run, store: str) -> None:
    done = run("status", "--store", store)
    assert done.code == 0
    assert done.out.startswith("All is well.")
    assert "default" in done.out


def test_failed_requests_and_slow_ones_come_first(run: Run, store: str, tmp_path: Path) -> None:
    problem = "Traceback …\nStoreError: the store <b>failed</b>"
    log = [request() for _ in range(8)] + [request(500, 2000.0, problem=problem), REPORT]
    (tmp_path / "search.log").write_text("\n".join(log))
    done = run("status", "--store", store, "--logs", "search.log", "--json", "--html", "a.html")
    assert done.code == 1
    status = json.loads(done.out)
    assert status["verdict"] == "3 things need attention."
    assert status["problems"][0] == "1 of 9 requests failed"
    assert status["problems"][2] == "StoreError: the store <b>failed</b>"
    assert (status["traffic"]["requests"], status["traffic"]["p50_ms"]) == (9, 3.0)
    page = (tmp_path / "a.html").read_text()
    assert page.index("3 things need attention.") < page.index("<td>default")
    assert "&lt;b&gt;failed" in page
    assert "<b>" not in page


def test_a_refused_version_needs_attention(run: Run, tmp_path: Path, tiny_model_dir: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    options = ("--corpus", corpus, "--store", "store", "--model", tiny_model_dir)
    for count in (6, 1):
        corpus.write_text(lines([record(f"a{n}") for n in range(count)]))
        run("reindex", *options)
    done = run("status", "--store", "store")
    assert done.code == 1
    assert "the last run was refused" in done.out
    assert "fewer than the 6 of the version before" in done.out


def test_an_index_that_nobody_published_for_long_is_stale(run: Run, store: str) -> None:
    assert "expected within 1e-09" in run("status", "--store", store, "--stale-hours", 1e-9).out


def test_a_store_without_an_index(run: Run) -> None:
    done = run("status", "--store", "empty")
    assert done.code == 1
    assert "empty has no index" in done.out


@pytest.mark.parametrize("form", ["plain", "tail", "gzip", "filter", "json"])
def test_logs_are_read_in_every_form_that_people_have(form: str, tmp_path: Path) -> None:
    own = request(total_ms=7.5)
    path = tmp_path / "log"
    match form:
        case "plain":
            path.write_text(f"{own}\nsome other line\n{REPORT}\n")
        case "tail":
            stamp = "2026-11-01T10:00:00.000000+00:00 2026/11/01/[1]abc"
            path.write_text(f"{stamp} {own}\n{stamp} {REPORT}\n")
        case "gzip":
            path = tmp_path / "log.gz"
            path.write_bytes(gzip.compress(f"2026-11-01T10:00:00.000Z {own}\n{REPORT}\n".encode()))
        case "filter":
            events = [{"message": own, "timestamp": 1}, {"message": REPORT}]
            path.write_text(json.dumps({"events": events}, indent=4))
        case "json":
            wrapped = {"timestamp": "2026-11-01T10:00:00Z", "message": json.loads(own)}
            metrics = {"billedDurationMs": 4, "memorySizeMB": 512}
            report = {"type": "platform.report", "record": {"metrics": metrics}}
            path.write_text(f"{json.dumps(wrapped)}\n{json.dumps(report)}\n")
    traffic = Traffic.of(read_events([str(path)]))
    assert (traffic.requests, traffic.percentile(50), traffic.calls) == (1, 7.5, 1)
    assert traffic.gb_seconds == pytest.approx(0.002)
    # 0.002 GB-seconds, one request to function and API, and 900 bytes of log.
    assert traffic.dollars == pytest.approx(0.002 * 0.0000133334 + 1.2e-6 + 900 / 1e9 * 0.5)


def test_a_log_that_is_not_there_is_one_sentence(run: Run, store: str) -> None:
    done = run("status", "--store", store, "--logs", "missing.log")
    assert done.code == 1
    assert "the log missing.log can't be read" in done.err
