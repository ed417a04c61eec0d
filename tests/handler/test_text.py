"""Text analysis, and what a text index keeps of documents."""

import random
from pathlib import Path

import pytest

import handler.index.text_writer
from handler.corpus.document import Document, Value
from handler.index.analysis import LANGUAGES, analyzer, content_analyzer, spaced
from handler.index.text_writer import field_name, searchable
from handler.index.word_query import word_query
from tests.handler.indexes import document, schema_of, write


@pytest.mark.parametrize(
    ("language", "text", "terms"),
    [
        ("english", "Running RUNS runner's naïve Café", "run run runner s naiv cafe"),
        ("german", "Häuser Haus Straßen", "haus haus strass"),
        ("french", "les chansons d'été", "le chanson d ete"),
        ("none", "Running runs Ærøskøbing", "running runs aeroskobing"),
        ("english", f"short {'x' * 59} {'y' * 60}", f"short {'x' * 59}"),
        ("english", "a-b_c 3.5 ISBN:978-0", "a b c 3 5 isbn 978 0"),
        ("russian", "Книги книга", "книг книг"),
    ],
)
def test_words_are_lower_case_stems_without_accents(language: str, text: str, terms: str) -> None:
    assert analyzer(language).analyze(text) == terms.split()


@pytest.mark.parametrize("language", [*LANGUAGES, "none"])
def test_every_language_has_its_analyzers(language: str) -> None:
    assert analyzer(language).analyze("x1") == ["x1"]
    assert content_analyzer(language).analyze("x1") == ["x1"]


def test_stop_words_carry_no_content() -> None:
    assert content_analyzer("english").analyze("The cat and the Hats") == ["cat", "hats"]
    assert content_analyzer("german").analyze("Der Hund und die Katze") == ["hund", "katze"]
    assert content_analyzer("none").analyze("The cat") == ["the", "cat"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ascii", "plain ascii"),
        ("東京都", " 東京 京都 "),
        ("in 東京 today", "in  東京  today"),
        ("水", " 水 "),
        ("ひらカタ漢", " ひら らカ カタ タ漢 "),
        ("ไทย x", " ไท ทย  x"),
        ("한국어 naïve", " 한국 국어  naïve"),
        ("ｶﾞ Ａ ½", " ガ  A 1/2"),
    ],
)
def test_scripts_without_spaces_become_pairs(text: str, expected: str) -> None:
    assert spaced(text) == expected


def test_what_a_document_is_found_by() -> None:
    metadata: dict[str, Value] = {
        "year": 1990,
        "author": "Ann",
        "tags": ["x", "y"],
        "ok": True,
        "price": 1.5,
    }
    assert (
        searchable(Document(id="id", title="Title", text="Text", url="url", metadata=metadata))
        == "Title\nText\nAnn\nx\ny"
    )


def test_fields_of_the_text_index_follow_the_schema() -> None:
    schema = schema_of(
        [Document(id="1", title="", text="x", url="", metadata={"b c": 1, "$a": 2, "é": 3})]
    )
    assert [field_name(schema, name) for name in schema] == ["m0", "m1", "m2"]


def test_rows_keep_their_places_in_several_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler.index.text_writer, "WRITER_BYTES", 15_000_000)
    rng = random.Random(1)
    documents = [
        document(n, " ".join(str(rng.randrange(10**8)) for _ in range(500))) for n in range(900)
    ]
    index = write(tmp_path, documents, "none")
    assert len(list((tmp_path / "text").glob("*.store"))) > 1
    for row in rng.sample(range(900), 50):
        assert index.row_of(str(row)) == row
        query = word_query(index, documents[row].text.split()[0]).query
        assert query is not None
        assert row in index.search(query, 3)[0].tolist()


def test_ids_are_found_as_they_are_written(tmp_path: Path) -> None:
    ids = ["a", "x" * 512, "id with spaces/é"]
    index = write(tmp_path, [document(each, "text") for each in ids])
    assert [index.row_of(each) for each in ids] == [0, 1, 2]
    assert index.row_of("A") is None
    assert index.row_of("") is None
