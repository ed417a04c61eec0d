"""Lambda's entry point in a process of its own: events, swaps, and broken surroundings."""

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from export.pipeline import export_model
from handler.bundle import ModelManifest
from tests.export.tiny import write_bert
from tests.function import EVENTS, Function, event, get_event
from tests.library import BOOKS, FILMS, Library, add_index
from tests.proxy import Fault, Proxy
from tests.s3 import S3Server, environment, free_port

HTTP = sorted(path.stem for path in EVENTS.glob("*.json") if "rawPath" in path.read_text("utf-8"))
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def function(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    with Function(library.environment(), tmp_path_factory.mktemp("function")) as function:
        yield function


def body_of(answer: dict[str, Any]) -> dict[str, Any]:
    assert not answer["isBase64Encoded"]
    return dict(json.loads(answer["body"]))


def test_there_are_events() -> None:
    assert {"search", "search-get", "document", "embeddings", "health", "ready"} <= {*HTTP}


@pytest.mark.parametrize("name", HTTP)
def test_every_event_is_answered(function: Function, library: Library, name: str) -> None:
    answer = function.invoke(event(name))
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["x-request-id"] == event(name)["requestContext"]["requestId"]
    body = body_of(answer)
    match name:
        case "search" | "search-get":
            sent = (
                json.loads(event(name)["body"])
                if name == "search"
                else event(name)["queryStringParameters"]
            )
            assert body["query"] == sent.get("query", sent.get("q"))
            assert len(body["hits"]) == int(sent["k"])
        case "document":
            assert body["title"] == "The Left Hand of Darkness"
        case "embeddings":
            assert [len(item["embedding"]) for item in body["data"]] == [32, 32]
        case "ready":
            assert (
                body["index_version"]
                == answer["headers"]["x-index-version"]
                == library.versions["default"]
            )
        case "health":
            assert body == {"status": "ok"}
        case _:
            pytest.fail(f"say here what {name} is answered with")


def test_a_problem_is_text_too(function: Function) -> None:
    answer = function.invoke(get_event("/search", "q=%20"))
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (422, PROBLEM)
    assert body_of(answer)["detail"] == "query is empty; say what to search for"


def test_a_body_in_base64(function: Function) -> None:
    encoded = base64.b64encode('{"query": "Köln 📚"}'.encode()).decode()
    answer = function.invoke(event("search") | {"body": encoded, "isBase64Encoded": True})
    assert body_of(answer)["query"] == "Köln 📚"


def test_the_request_has_the_functions_id_where_the_gateway_gives_none(function: Function) -> None:
    anonymous = event("health")
    del anonymous["requestContext"]["requestId"]
    assert function.invoke(anonymous)["headers"]["x-request-id"] == "of-the-context"


def test_query_strings_arrive_undamaged(function: Function) -> None:
    status, body = function.get("/search", "q=caf%C3%A9%20%26%20co&year>=1990&k=100")
    assert (status, body["query"]) == (200, "café & co")
    assert {hit["id"] for hit in body["hits"]} == {
        book["id"] for book in BOOKS if book.get("year", 0) >= 1990
    }


def test_one_line_per_request(function: Function) -> None:
    del function.log[:]
    function.invoke(event("search"))
    [line] = [line for line in function.log if line["event"] == "request"]
    assert {"encode_ms", "search_ms", "total_ms"} <= line.keys()
    assert (line["event"], line["request_id"], line["status"]) == ("request", "id", 200)


def test_the_service_is_built_once(library: Library, tmp_path: Path) -> None:
    model = shutil.copytree(library.model, tmp_path / "model")
    with Function(library.environment(QUERYTOWER_MODEL=str(model)), tmp_path) as function:
        first = function.invoke(event("search"))
        shutil.rmtree(model)
        second = function.invoke(event("search") | {"body": '{"query": "something else"}'})
    assert (first["statusCode"], second["statusCode"]) == (200, 200)


def test_the_runtime_warms_it_up(library: Library, tmp_path: Path) -> None:
    model = shutil.copytree(library.model, tmp_path / "model")
    variables = library.environment(QUERYTOWER_MODEL=str(model))
    with Function(variables, tmp_path, handler="handler.main.http") as function:
        shutil.rmtree(model)
        assert function.get("/ready")[0] == 200


def test_a_warm_function_follows_the_pointer(library: Library, tmp_path: Path) -> None:
    old = add_index(tmp_path / "store", library.model, BOOKS, tmp_path).version
    variables = library.environment(QUERYTOWER_STORE=str(tmp_path / "store"))
    patient, eager = (
        variables | {"QUERYTOWER_POLL_SECONDS": "3600"},
        variables | {"QUERYTOWER_POLL_SECONDS": "0"},
    )
    with Function(patient, tmp_path) as one, Function(eager, tmp_path) as other:
        assert [each.get("/ready")[1]["index_version"] for each in (one, other)] == [old, old]
        new = add_index(tmp_path / "store", library.model, FILMS, tmp_path).version
        body = other.until(lambda body: body["index_version"] != old)
        assert (body["index_version"], body["documents"]) == (new, len(FILMS))
        assert {"event": "index_swapped", "index": "default", "version": new} in other.log
        hits = other.get("/search", "q=tide")[1]["hits"]
        assert [hit["title"] for hit in hits] == ["Tides, the film"]
        assert one.get("/ready")[1]["index_version"] == old


def test_an_index_of_another_model(library: Library, tmp_path: Path) -> None:
    export_model(
        str(write_bert(tmp_path / "other-model", num_hidden_layers=1)),
        tmp_path / "other",
        precision="fp32",
    )
    ours, theirs = ModelManifest.read(tmp_path / "other"), ModelManifest.read(library.model)
    with Function(
        library.environment(QUERYTOWER_MODEL=str(tmp_path / "other")), tmp_path
    ) as function:
        status, problem = function.get("/search", "q=tide")
    assert status == 503
    for name in ("'default'", theirs.model, theirs.fingerprint, ours.fingerprint):
        assert name in problem["detail"]
    assert problem["detail"] in [line.get("problem") for line in function.log]


def test_a_new_index_of_another_model_is_not_taken(library: Library, tmp_path: Path) -> None:
    export_model(
        str(write_bert(tmp_path / "other-model", num_hidden_layers=1)),
        tmp_path / "other",
        precision="fp32",
    )
    old = add_index(tmp_path / "store", library.model, BOOKS, tmp_path).version
    variables = library.environment(
        QUERYTOWER_STORE=str(tmp_path / "store"), QUERYTOWER_POLL_SECONDS="0"
    )
    with Function(variables, tmp_path) as function:
        assert function.get("/ready")[1]["index_version"] == old
        add_index(tmp_path / "store", tmp_path / "other", BOOKS, tmp_path)
        while not any(line["event"] == "refresh_failed" for line in function.log):
            assert function.get("/ready")[1]["index_version"] == old


def test_a_newer_format(library: Library, tmp_path: Path) -> None:
    store = shutil.copytree(library.store, tmp_path / "store")
    pointer = store / "indexes/default/current.json"
    pointer.write_text(json.dumps(json.loads(pointer.read_text("utf-8")) | {"format": 99}), "utf-8")
    with Function(library.environment(QUERYTOWER_STORE=str(store)), tmp_path) as function:
        status, problem = function.get("/ready")
        assert (status, "newer" in problem["detail"]) == (503, False)
        assert (
            "current.json was written by a newer querytower; update querytower"
            in function.log[-1]["problem"]
        )
        assert function.get("/indexes/films/ready")[0] == 200


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        (
            "QUERYTOWER_MODEL",
            "/no/such/model",
            "no model bundle in /no/such/model: No such file or directory; make one",
        ),
        ("QUERYTOWER_STORE", "", "QUERYTOWER_STORE is not set; set it to the folder or URL"),
        (
            "QUERYTOWER_STORE",
            "/no/such/store",
            "/no/such/store has no index 'default' (indexes there: none); make it",
        ),
        (
            "QUERYTOWER_INDEX",
            "poems",
            "has no index 'poems' (indexes there: default, films); make it with",
        ),
    ],
)
def test_a_broken_set_up_is_told_to_the_log(
    library: Library,
    tmp_path: Path,
    variable: str,
    value: str,
    problem: str,
) -> None:
    variables = library.environment() | {variable: value}
    with Function(variables, tmp_path, handler="handler.main.http") as function:
        assert function.get("/health") == (200, {"status": "ok"})
        status, answer = function.get("/search", "q=tide")
    assert (status, answer["title"]) == (503, "Service Unavailable")
    assert "/no/such" not in json.dumps(answer)
    [told_first] = [line for line in function.log if line["event"] == "warm_up_failed"]
    [_, told_again] = [line for line in function.log if line["event"] == "request"]
    assert problem in told_first["problem"]
    assert problem in told_again["problem"]


def test_a_store_that_is_down_at_the_start_and_comes_back(
    library: Library,
    s3_server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    url = f"s3://{s3_server.create_bucket()}/books"
    version = add_index(url, library.model, BOOKS, tmp_path).version
    with Proxy(s3_server.url) as proxy:
        proxy.faults.append(Fault(cut=0))
        variables = library.environment(
            QUERYTOWER_STORE=url,
            QUERYTOWER_CACHE=str(tmp_path / "cache"),
            QUERYTOWER_POLL_SECONDS="0",
            **environment(proxy.url),
        )
        with Function(variables, tmp_path, handler="handler.main.http") as function:
            assert function.log[0]["event"] == "warm_up_failed"
            for path in ("/ready", "/search", "/indexes", "/indexes/films/ready"):
                status, problem = function.get(path, "q=tide" if path == "/search" else "")
                assert (status, problem["title"]) == (503, "Service Unavailable")
                assert url in function.log[-1]["problem"]
            proxy.faults.clear()
            assert function.until(lambda _: True)["index_version"] == version
            proxy.faults.append(Fault(cut=0))
            assert function.get("/search", "q=tide")[0] == 200


def test_a_store_that_nobody_listens_for(library: Library, tmp_path: Path) -> None:
    nowhere = environment(f"http://127.0.0.1:{free_port()}")
    variables = library.environment(QUERYTOWER_STORE="s3://bucket/books", **nowhere)
    with Function(variables, tmp_path) as function:
        assert function.get("/ready")[0] == 503
    assert "the server can't be reached; check network and endpoint" in function.log[-1]["problem"]
