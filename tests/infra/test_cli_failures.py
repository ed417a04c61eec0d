"""Every failure of a command is one line that names thing, problem and remedy, and exit code 1."""

import json
import shutil
from pathlib import Path

import pytest

from export.pipeline import export_model
from handler.bundle import ModelManifest
from infra.cli import main as cli
from tests.command_line import Run, expect_failure
from tests.export.tiny import write_bert
from tests.library import Library
from tests.s3 import environment, free_port


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["absent.jsonl"], ["absent.jsonl does not exist; give a file or a folder"]),
        (["empty.jsonl"], ["the corpus is empty: no record in any of its files"]),
        (
            ["bad.jsonl"],
            [
                "2 of 2 records were rejected, 1.0% may be",
                "bad.jsonl line 1",
                "rejects.jsonl",
                "--max-rejects",
            ],
        ),
        (
            ["bad.jsonl", "--max-rejects", "100"],
            ["all 2 records were rejected", "all are listed in rejects.jsonl"],
        ),
        (
            ["bad.jsonl", "--rejects", "no/folder/r"],
            ["no/folder/r: No such file or directory; check the path"],
        ),
        (["bad.jsonl", "--rejects", "."], [".: Is a directory; check the path"]),
        (
            ["books.jsonl", "--model", "absent"],
            ["no model bundle in absent: No such", "querytower export --to absent"],
        ),
        (
            ["books.jsonl", "--passages", "many"],
            ["passages is 'many'; use a number of tokens, such as 96, or off"],
        ),
        (["books.jsonl", "--passages", "-5"], ["passages is '-5'; use a number of tokens"]),
        (["books.jsonl", "--passages", "15"], ["passages of 15 tokens", "use 16 tokens or more"]),
        (["books.jsonl", "--overlap", "49"], ["96 tokens that share 49", "at most half of them"]),
        (["books.jsonl", "--precision", "i4"], ["precision is 'i4'; use one of i8, f16"]),
        (
            ["books.jsonl", "--language", "klingon"],
            ["language 'klingon' is unknown; use none or one of arabic"],
        ),
        (
            ["books.jsonl", "--name", "a b"],
            ["'a b' can't name an index; use up to 64 letters, digits, - and _"],
        ),
        (
            ["books.jsonl", "--to", "ftp://host/x"],
            ["'ftp://host/x' is not a store; give a folder, s3://bucket/prefix"],
        ),
        (["books.jsonl", "--to", "s3://key:secret@bucket"], ["a storage URL holds no credentials"]),
        (
            ["books.jsonl", "--to", "books.jsonl"],
            ["books.jsonl/indexes/default/", "remove it or choose another folder"],
        ),
    ],
    ids=lambda value: " ".join(value) if "." in value[0] else "",
)
def test_index_refuses(
    run: Run, tmp_path: Path, corpus: Path, library: Library, arguments: list[str], texts: list[str]
) -> None:
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "bad.jsonl").write_text('{"id": 1}\nbroken\n', "utf-8")
    expect_failure(run("index", "--to", "store", "--model", library.model, *arguments), *texts)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        ([""], ["query is empty; say what to search for"]),
        (["x" * 2001], ["query has 2001 characters; 2000 at most"]),
        (["x", "-k", "0"], ["k is 0; it may be 1 to 100 (QUERYTOWER_MAX_K)"]),
        (["x", "-k", "10000"], ["k is 10000; it may be 1 to 100"]),
        (["x", "--offset", "-1"], ["offset is -1; it may be 0 to 1000"]),
        (["x", "--mode", "magic"], ["mode: Input should be 'hybrid', 'semantic' or 'keyword'"]),
        (["x", "--filter", "{"], ["--filter is not JSON: "]),
        (["x", "--filter", "[" * 20_000], ["--filter is not JSON: "]),
        (["x", "--filter", "[1]"], ["filter: Input should be a valid dictionary"]),
        (
            ["x", "--filter", '{"author": 1}'],
            ["'author' is no field of this index; fields to filter by: year (integer)"],
        ),
        (["x", "--filter", '{"genres": "\udcff"}'], ["filter holds half of a surrogate pair"]),
        (["x\udcff"], ["query holds half of a surrogate pair"]),
        (
            ["x", "--name", "poems"],
            [
                "has no index 'poems' (indexes there: default, films); make it with: querytower index"
            ],
        ),
        (
            ["x", "--store", "absent"],
            ["/absent has no index 'default' (indexes there: none); make it with"],
        ),
        (
            ["x", "--model", "absent"],
            ["no model bundle in absent: No such file or directory; make one with"],
        ),
    ],
    ids=lambda value: (
        " ".join(value)[:30].encode("ascii", "replace").decode() if len(value) > 1 else ""
    ),
)
def test_search_refuses(run: Run, library: Library, arguments: list[str], texts: list[str]) -> None:
    expect_failure(
        run("search", "--store", library.store, "--model", library.model, *arguments), *texts
    )


def test_an_index_of_another_model(run: Run, tmp_path: Path, library: Library) -> None:
    export_model(
        str(write_bert(tmp_path / "other-weights", num_hidden_layers=1)),
        tmp_path / "other",
        precision="fp32",
    )
    ours, theirs = ModelManifest.read(tmp_path / "other"), ModelManifest.read(library.model)
    expected = (
        ours.fingerprint,
        theirs.fingerprint,
        theirs.model,
        "index again with this model, or deploy the other",
    )
    expect_failure(run("search", "x", "--store", library.store, "--model", "other"), *expected)
    expect_failure(
        run("serve", "--store", library.store, "--model", "other", "--port", 0), *expected
    )


def test_a_newer_format(run: Run, tmp_path: Path, library: Library) -> None:
    for name, copied in (("store", library.store), ("bundle", library.model)):
        shutil.copytree(copied, tmp_path / name)
    for path in (
        tmp_path / "store/indexes/default/current.json",
        tmp_path / "bundle/manifest.json",
    ):
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"format": 99}), "utf-8")
    newer = "current.json was written by a newer querytower; update querytower"
    expect_failure(run("search", "x", "--store", "store", "--model", library.model), newer)
    expect_failure(
        run("search", "x", "--store", library.store, "--model", "bundle"),
        "bundle/manifest.json has format 99, this querytower reads 1 to 1; update querytower",
    )


def test_a_model_that_is_not_whole(run: Run, tmp_path: Path, library: Library) -> None:
    bundle = shutil.copytree(library.model, tmp_path / "bundle")
    encoder = bundle / "encoder.onnx"
    encoder.write_bytes(encoder.read_bytes()[:-1])
    expect_failure(
        run("search", "x", "--store", library.store, "--model", "bundle"),
        "bundle/encoder.onnx is not the file its manifest describes",
        "it is incomplete or was altered",
    )


def test_export_refuses(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hollow").mkdir()
    expect_failure(
        run("export", "./absent", "--to", "b"),
        "'./absent' is neither a folder nor a hub id (owner/name)",
    )
    expect_failure(run("export", "hollow", "--to", "b"), "hollow", ";")
    assert not (tmp_path / "b").exists()


def test_an_unreachable_store(
    run: Run, corpus: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(f"http://127.0.0.1:{free_port()}").items():
        monkeypatch.setenv(name, value)
    reason = "s3://bucket/x/indexes/default/current.json: the server can't be reached; check network and endpoint"
    common = ("s3://bucket/x", "--model", library.model)
    expect_failure(run("index", corpus, "--to", *common), reason)
    expect_failure(run("search", "x", "--store", *common), reason)
    expect_failure(run("serve", "--port", 0, "--store", *common), reason)


def test_usage(run: Run) -> None:
    assert run("search", "x", "--store", "s", "-k", "many").code == 2
    assert "No such command 'serch'" in run("serch").err
    assert all(name in run("--help").out for name in cli.COMMANDS)
