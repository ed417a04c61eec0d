"""POST /events: off by default, bounded, without room for anything personal, in log and store."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.service import Service
from handler.settings import SettingError, Settings
from tests.library import BOOKS, Library, add_index

CLICK = {"type": "click", "query_id": "JKJaXmPLvHcESHA=", "document_id": "tides/1", "rank": 1}


def client_of(library: Library, events: str, **changes: Any) -> TestClient:
    settings = library.settings(events=events, **changes)
    service = Service.open(settings)
    return TestClient(create_app(settings, lambda: service), raise_server_exceptions=False)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line["event"] == "user_event"]


def test_it_is_off_unless_wanted(library: Library) -> None:
    client = client_of(library, "off")
    assert client.post("/events", json={"events": [CLICK]}).status_code == 404
    assert "/events" not in client.get("/openapi.json").json()["paths"]
    assert Settings().events == "off"
    with pytest.raises(SettingError, match="QUERYTOWER_EVENTS"):
        Settings.from_mapping({"QUERYTOWER_EVENTS": "maybe"})


def test_an_event_is_a_line_of_the_log(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    client = client_of(library, "log")
    found = client.post("/search", json={"query": "tide"})
    click = CLICK | {"query_id": found.headers["x-request-id"]}
    answer = client.post("/events", json={"events": [click, {**click, "type": "add"}]})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2})
    first, second = logged(capsys)
    assert (first.pop("event"), len(first.pop("time"))) == ("user_event", 25)
    assert first == click | {"index": "default"}
    assert second["type"] == "add"
    assert "/events" in client.get("/openapi.json").json()["paths"]


def test_nothing_but_ids_of_documents_gets_in(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    client = client_of(library, "log")
    stranger = CLICK | {"document_id": "somebody@example.org"}
    assert client.post("/events", json={"events": [stranger]}).json() == {"accepted": 0}
    assert client.post("/indexes/films/events", json={"events": [CLICK]}).json() == {"accepted": 1}
    assert [each["index"] for each in logged(capsys)] == ["films"]


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([], "the number of events is 0; it may be 1 to 64"),
        ([CLICK] * 65, "the number of events is 65; it may be 1 to 64"),
        ([CLICK | {"user": "me"}], "events.0.user: Extra inputs are not permitted"),
        ([CLICK | {"type": "buy"}], "events.0.type"),
        ([CLICK | {"rank": 0}], "events.0.rank"),
        ([CLICK | {"query_id": "my name is"}], "events.0.query_id"),
        ([CLICK | {"query_id": "x" * 101}], "events.0.query_id"),
        ([CLICK | {"document_id": "x" * 513}], "events.0.document_id"),
    ],
)
def test_faults(library: Library, events: Any, problem: str) -> None:
    answer = client_of(library, "log").post("/events", json={"events": events})
    assert answer.status_code == 422
    assert problem in answer.json()["detail"]


def test_the_store_gets_them_in_batches(
    library: Library, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handler.api.event_log.MOST", 3)
    store = tmp_path / "store"
    add_index(store, library.model, BOOKS, tmp_path)
    client = client_of(library, "store", store=str(store))
    for _ in range(4):
        client.post("/events", json={"events": [CLICK]})
    [file] = store.glob("events/*/*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["document_id"] for line in lines] == ["tides/1"] * 3
    assert client.get("/indexes").json() == {"indexes": ["default"]}


def test_a_store_that_takes_nothing_stops_nobody(
    library: Library,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("handler.api.event_log.MOST", 1)
    store = tmp_path / "store"
    add_index(store, library.model, BOOKS, tmp_path)
    (store / "events").write_text("a file where a folder should be")
    client = client_of(library, "store", store=str(store))
    assert client.post("/events", json={"events": [CLICK]}).status_code == 200
    assert "events_not_stored" in capsys.readouterr().out
