"""Commands as a person runs them: what they do and print when all is well."""

import json
import re
import shutil
from pathlib import Path

import pytest

from handler.bundle import ModelManifest
from handler.settings import SETTINGS
from tests.command_line import Run, expect_failure
from tests.export.tiny import write_bert
from tests.function import ROOT
from tests.library import Library, write_corpus

DEMO = ROOT / "infra" / "demo" / "corpus.jsonl"


def test_index_and_search(run: Run, corpus: Path, library: Library) -> None:
    indexed = run("index", corpus, "--to", "store", "--model", library.model)
    assert (indexed.code, indexed.err) == (0, "")
    assert re.match(
        r"index default in \S*/store: 6 documents, \d+ passages, [\d.]+ MB, version \S+\nfields to filter by: ",
        indexed.out,
    )
    assert "year (integer)" in indexed.out
    found = run(
        "search",
        "botanist trees",
        "--store",
        "store",
        "--model",
        library.model,
        "-k",
        1,
        "--mode",
        "keyword",
    )
    assert (found.code, found.err) == (0, "")
    first, second = found.out.splitlines()
    assert first == " 1. Rooted  2020 · nature, family · -1.5 · 2020-02-29"
    assert "botanist" in second
    assert not (corpus.parent / "rejects.jsonl").exists()


def test_search_as_json(run: Run, library: Library) -> None:
    common = ("--store", library.store, "--model", library.model, "--json", "--explain")
    body = json.loads(
        run("search", "coast", *common, "--filter", '{"year": {"$gt": 1990}}', "--offset", 1).out
    )
    assert {hit["metadata"]["year"] for hit in body["hits"]} <= {1991, 2015, 2020}
    assert len(body["hits"]) == 2
    assert "cosine" in body["hits"][0]["explanation"]
    films = json.loads(run("search", "coast", *common, "--name", "films").out)
    assert (films["index"], len(films["hits"])) == ("films", 1)


def test_nothing_found(run: Run, library: Library) -> None:
    found = run(
        "search",
        "xylophone",
        "--store",
        library.store,
        "--model",
        library.model,
        "--mode",
        "keyword",
    )
    assert (found.code, found.out) == (0, "nothing found; try other words, or --mode semantic\n")


def test_markup_in_a_corpus_is_shown_as_it_is(run: Run, tmp_path: Path, library: Library) -> None:
    text = "[red]danger[/red] [/b] \\[x]"
    write_corpus(
        tmp_path / "c.jsonl", [{"id": "1", "title": "[bold]T[/]", "text": text, "tag": ["[i]"]}]
    )
    assert run("index", "c.jsonl", "--to", "store", "--model", library.model).code == 0
    shown = run("search", "danger", "--store", "store", "--model", library.model).out
    assert shown.splitlines() == [" 1. [bold]T[/]  [i]", f"    {text}"]


def test_rejects_are_listed(run: Run, tmp_path: Path, library: Library) -> None:
    (tmp_path / "c.jsonl").write_text(
        '{"id": "1", "text": "the work"}\nbroken\n{"id": "1", "text": "again"}\n', "utf-8"
    )
    common = (
        "index",
        "c.jsonl",
        "--to",
        "store",
        "--model",
        library.model,
        "--rejects",
        "bad.jsonl",
    )
    assert (
        run(*common, "--max-rejects", 70).out.splitlines()[1]
        == "2 records were rejected; bad.jsonl says why"
    )
    rejects = [
        json.loads(line) for line in (tmp_path / "bad.jsonl").read_text("utf-8").splitlines()
    ]
    assert [(each["source"], each["line"]) for each in rejects] == [("c.jsonl", 2), ("c.jsonl", 3)]
    expect_failure(
        run(*common, "--max-rejects", 60),
        "2 of 3 records were rejected, 60.0% may be",
        "c.jsonl line 2",
    )


def test_export_then_index_with_other_field_names(run: Run, tmp_path: Path) -> None:
    write_bert(tmp_path / "weights")
    exported = run("export", "weights", "--to", "bundle", "--precision", "fp32")
    assert exported.code == 0
    assert "least cosine to fp32" in exported.out
    assert ModelManifest.read(tmp_path / "bundle").dimension == 32
    (tmp_path / "c.csv").write_text(
        "key,name,body,link\n7,The Work,About the licence,https://e.example\n", "utf-8"
    )
    fields = (
        "--id-field",
        "key",
        "--title-field",
        "name",
        "--text-field",
        "body",
        "--url-field",
        "link",
    )
    assert (
        run("index", "c.csv", "--to", "s", "--model", "bundle", *fields, "--passages", "off").code
        == 0
    )
    [hit] = json.loads(run("search", "licence", "--store", "s", "--model", "bundle", "--json").out)[
        "hits"
    ]
    assert (hit["id"], hit["title"], hit["text"]) == ("7", "The Work", "About the licence")
    assert hit["url"] == "https://e.example"


def test_demo_indexes_the_sample_corpus_once(run: Run, tmp_path: Path, library: Library) -> None:
    shutil.copytree(library.model, tmp_path / "demo/model")
    first = run("demo", "--folder", "demo", "--no-serve")
    books = sum(1 for _ in DEMO.open(encoding="utf-8"))
    assert (first.code, f"{books} documents" in first.out) == (0, True)
    assert run("demo", "--folder", "demo", "--no-serve") == (0, "", "")


def test_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUERYTOWER_MAX_K", "7")
    monkeypatch.setenv("COLUMNS", "200")
    shown = run("settings").out
    assert all(setting.name in shown for setting in SETTINGS)
    assert re.search(r"QUERYTOWER_MAX_K *│ 100 *│ 7 +│ most hits", shown)
    monkeypatch.setenv("QUERYTOWER_MAX_K", "many")
    expect_failure(run("settings"), "QUERYTOWER_MAX_K is 'many'; set it to a number (int)")
