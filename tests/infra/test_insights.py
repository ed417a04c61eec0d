"""querytower insights, from the log that the application itself writes."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.service import Service
from infra.insights.analysis import Insights
from infra.insights.golden import propose
from infra.status.logs import read_events
from tests.command_line import Run
from tests.library import BOOKS, Library

IMPOSSIBLE = {"year": {"$gt": 3000}}


@pytest.fixture(scope="module")
def log(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a small application with searches and clicks, as CloudWatch exports it."""
    settings = library.settings(log_queries=True, events="log")
    service = Service.open(settings)
    client = TestClient(create_app(settings, lambda: service))
    lines: list[str] = []

    def keep(event: str, **fields: Any) -> None:
        lines.append(f"2026-11-30T21:00:00.000Z {json.dumps({'event': event, **fields})}\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("handler.api.middleware.log", keep)
        patch.setattr("handler.api.event_log.log", keep)
        for query in ("Tide", " tide ", "mystery"):
            answer = client.post("/search", json={"query": query, "k": 3})
            hits = [hit["id"] for hit in answer.json()["hits"]]
            act(client, answer, "click", hits[1], 2)
        act(client, answer, "add", hits[0], 1)
        client.get("/search", params={"q": "dragons", "filter": json.dumps(IMPOSSIBLE)})
        client.get("/", params={"q": "tide"})
        client.get("/health")
    file = tmp_path_factory.mktemp("logs") / "export.log"
    file.write_text("".join(lines), "utf-8")
    return file


def act(client: TestClient, answer: Any, kind: str, document: str, rank: int) -> None:
    event = {
        "type": kind,
        "query_id": answer.headers["x-request-id"],
        "document_id": document,
        "rank": rank,
    }
    assert client.post("/events", json={"events": [event]}).json() == {"accepted": 1}


def test_figures(log: Path) -> None:
    found = Insights.of(read_events([str(log)]))
    assert found.requests == 5
    assert [(query, each.searches) for query, each in found.popular(2)] == [
        ("tide", 3),
        ("dragons", 1),
    ]
    assert [query for query, _ in found.failing(5)] == ["dragons"]
    assert found.events == {"click": 3, "add": 1}
    assert found.clicked_at == {2: 3}
    assert found.shown_at[2] >= 4
    assert found.recommended.keys() <= {book["id"] for book in BOOKS}
    tide = found.queries["tide"]
    assert tide.cosine is not None
    assert -1 <= tide.cosine <= 1
    assert [query for query, _ in found.distant(5, below=tide.cosine + 1e-9)].count("tide") == 1
    assert found.slow(1)[0][1].slowest_ms > 0


def test_the_cosine_is_that_of_the_nearest_passage(log: Path, library: Library) -> None:
    from querytower import Index

    index = Index.open(library.store, model=library.model)
    nearest = index.search("mystery", mode="semantic", k=1)[0].score
    cosine = Insights.of(read_events([str(log)])).queries["mystery"].cosine
    assert cosine == pytest.approx(nearest, abs=1e-3)


def test_an_event_in_log_and_store_counts_once(log: Path, tmp_path: Path) -> None:
    events = [line for line in log.read_text().splitlines() if "user_event" in line]
    (tmp_path / "a.jsonl").write_text("\n".join(events))
    found = Insights.of(read_events([str(log), str(tmp_path)]))
    assert found.events == {"click": 3, "add": 1}


def test_the_command_shows_tables_and_json(run: Run, log: Path) -> None:
    shown = run("insights", log)
    assert shown.code == 0
    assert "5 searches, 3 queries; events: 1 add, 3 click" in shown.out
    assert "Clicks by rank" in shown.out
    body = json.loads(run("insights", log, "--json", "--most", 1).out)
    assert body["searches"] == 5
    assert body["popular"][0]["query"] == "tide"
    assert body["without_hits"] == [{"query": "dragons", "without_hits": 1, "searches": 1}]
    assert body["clicks_by_rank"][1]["clicks"] == 3
    assert len(body["recommended"]) == 1


def test_the_page_loads_nothing_and_escapes_queries(run: Run, tmp_path: Path) -> None:
    line = {
        "event": "request", "queries": ["<script>alert(1)</script>"], "total_ms": 5,
        "results": [{"hits": 0, "cosine": None, "ids": []}],
    }  # fmt: skip
    (tmp_path / "log").write_text(json.dumps(line))
    assert run("insights", tmp_path / "log", "--html", tmp_path / "a.html").code == 0
    page = (tmp_path / "a.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert 'style="width:100.0%"' in page


def test_golden_queries_are_proposed(run: Run, log: Path, library: Library, tmp_path: Path) -> None:
    done = run("insights", log, "--golden", tmp_path / "golden")
    assert "1 golden queries proposed" in done.err
    [query] = [
        json.loads(line) for line in (tmp_path / "golden/queries.jsonl").read_text().splitlines()
    ]
    assert query["text"] == "tide"
    head, judgment = (tmp_path / "golden/judgments.tsv").read_text().splitlines()
    assert head == "query-id\tcorpus-id\tscore"
    assert judgment.split("\t")[::2] == [query["_id"], "1"]
    assert judgment.split("\t")[1] in {book["id"] for book in BOOKS}


def test_what_is_dismissed_as_often_is_not_proposed(tmp_path: Path) -> None:
    found = Insights()
    actions = found.queries["tide"].actions
    actions["click", "a"], actions["dismiss", "a"] = 3, 3
    actions["click", "b"], actions["add", "b"] = 1, 1
    assert propose(found, tmp_path, at_least=2) == 1
    assert "\tb\t2" in (tmp_path / "judgments.tsv").read_text()
    assert "\ta\t" not in (tmp_path / "judgments.tsv").read_text()
