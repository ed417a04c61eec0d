"""The reindex in AWS's runtime emulator, from bucket to bucket, and the search function that finds its result."""

import json
from pathlib import Path

import pytest

from handler.storage.store import Store
from infra.emulation.emulator import Emulator
from tests.function import EVENTS, ROOT, get_event
from tests.handler.reindexing import lines, record
from tests.s3 import S3Server, environment


def test_events_make_an_index_that_is_found(
    rie: None,
    tiny_model_dir: Path,
    s3_server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    bucket = f"s3://{s3_server.create_bucket()}"
    corpus = Store.open(f"{bucket}/corpus")
    corpus.put("books.jsonl", lines([record(f"d{n}") for n in range(9)]).encode())
    variables = {
        **environment(s3_server.url),
        "QUERYTOWER_STORE": f"{bucket}/querytower",
        "QUERYTOWER_CORPUS": f"{bucket}/corpus",
        "QUERYTOWER_MODEL": str(tiny_model_dir),
        "QUERYTOWER_MIN_SELF_RETRIEVAL": "0",
        "QUERYTOWER_CACHE": str(tmp_path / "cache"),
    }
    scheduled, uploaded = (
        json.loads((EVENTS / f"{name}.json").read_text("utf-8")) for name in ("scheduler", "upload")
    )
    with Emulator(ROOT, "handler.main.reindex", environment=variables, timeout_s=300) as function:
        first = function.invoke(scheduled).payload
        assert first["outcome"] == "published"
        assert function.invoke(scheduled).payload == first | {"outcome": "unchanged"}
        corpus.put("more.jsonl", lines([record("new")]).encode())
        second = function.invoke(uploaded).payload
        assert second["outcome"] == "published"
    with Emulator(ROOT, "handler.main.http", environment=variables) as function:
        answer = json.loads(function.invoke(get_event("/ready")).payload["body"])
    assert (answer["documents"], answer["index_version"]) == (10, second["version"])
