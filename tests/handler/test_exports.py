"""Files as programs export them: which field is what, and how many records there are."""

import json
from pathlib import Path
from typing import Any

import pytest

from handler.corpus.document import Document
from handler.corpus.readers import json_document
from handler.corpus.records import read_corpus
from handler.corpus.spool import Spool

BODY = "What happened, told in a sentence that is long enough to be a text."


def spooled(folder: Path, name: str, content: object) -> list[Document]:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text)
    spool = Spool.write(read_corpus(folder / name), folder / "spool", folder / "rejects", 0)
    return [*spool]


def told(document: Document) -> tuple[str, str, str, str]:
    return document.id, document.title, document.text, document.url


def ticket(number: int) -> dict[str, Any]:
    fields = {"summary": f"Login fails {number}", "description": BODY, "status": {"name": "Open"}}
    return {"id": f"1{number}", "key": f"P-{number}", "fields": fields}


def issue(number: int) -> dict[str, Any]:
    links = {"url": f"https://api.example/{number}", "html_url": f"https://example/{number}"}
    return {"id": number, "title": f"Crash {number}", "body": BODY, **links}


def thing(number: int) -> dict[str, Any]:
    return {"@type": "Book", "@id": f"urn:{number}", "name": f"B{number}", "description": BODY}


def mongo(number: int) -> dict[str, Any]:
    return {"_id": {"$oid": f"5f{number}"}, "title": f"M{number}", "plot": BODY}


JSON = {
    "jira": ({"total": 2, "issues": [ticket(1), ticket(2)]}, ("11", "Login fails 1", BODY, "")),
    "github": ([issue(1), issue(2)], ("1", "Crash 1", BODY, "https://example/1")),
    "json-ld": (
        {"@context": "https://schema.org", "@graph": [thing(1), thing(2)]},
        ("urn:1", "B1", BODY, ""),
    ),
    "mongo": ([mongo(1), mongo(2)], ("5f1", "M1", BODY, "")),
    "ids": (
        {"a": {"title": "A", "text": BODY, "n": 1}, "b": {"title": "B", "text": "b"}},
        ("a", "A", BODY, ""),
    ),
}


@pytest.mark.parametrize("name", JSON)
def test_json_of_programs(tmp_path: Path, name: str) -> None:
    content, expected = JSON[name]
    documents = spooled(tmp_path, "export.json", content)
    assert len(documents) == 2
    assert told(documents[0]) == expected


def test_columns_as_pandas_writes_them(tmp_path: Path) -> None:
    columns = {"title": {"0": "A", "1": "B"}, "text": {"0": BODY, "1": "b"}, "n": {"0": 1, "1": 2}}
    documents = spooled(tmp_path, "frame.json", columns)
    assert [(each.title, each.metadata) for each in documents] == [("A", {"n": 1}), ("B", {"n": 2})]


def test_a_record_of_records_is_one(tmp_path: Path) -> None:
    record = {"author": {"name": "Ann", "born": 1900}, "publisher": {"name": "Ace"}}
    assert len(spooled(tmp_path, "one.json", record)) == 1


def test_records_by_ids_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    keyed = json_document._keyed

    def counted(fields: dict[str, object]) -> list[object]:
        held.append(len(fields))
        return keyed(fields)

    monkeypatch.setattr(json_document, "_keyed", counted)
    records = {f"k{n}": {"title": f"T{n}", "text": BODY} for n in range(1000)}
    documents = spooled(tmp_path, "keyed.json", records)
    assert [each.id for each in documents] == [*records]
    assert held == [json_document.KEYED_SAMPLE]


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("passages.tsv", f"0\t{BODY} 1\n1\t{BODY} 2\n", 2),
        ("docs.tsv", f"D1\thttps://example/1\tA\t{BODY}\nD2\thttps://example/2\tB\t{BODY}\n", 2),
        ("books.csv", f'1,Dune,"{BODY}",1965\n2,Emma,"{BODY}",1815\n', 2),
        ("years.csv", f"title,text,1999,2000\nA,{BODY.replace(',', '')},5,6\n", 1),
        ("numbers.csv", f"1,text\n5,{BODY.replace(',', '')}\n", 1),
    ],
)
def test_tables_without_a_header(tmp_path: Path, name: str, text: str, rows: int) -> None:
    documents = spooled(tmp_path, name, text)
    assert len(documents) == rows
    assert documents[0].text.startswith("What happened")


def test_missing_values_of_databases_are_missing(tmp_path: Path) -> None:
    text = "title\tendYear\nA\t\\N\nB\t1999\n"
    documents = spooled(tmp_path, "titles.tsv", text)
    assert [each.metadata for each in documents] == [{}, {"endYear": 1999}]


def test_points_set_thousands_apart_where_commas_are_decimal(tmp_path: Path) -> None:
    text = "Titel;Preis;Bestand;Version\nTisch;1.299,90;1.200;1.2\nBank;99,00;5;1.3\n"
    first, second = spooled(tmp_path, "lager.csv", text)
    assert first.metadata == {"Preis": 1299.9, "Bestand": 1200, "Version": 1.2}
    assert second.metadata == {"Preis": 99.0, "Bestand": 5, "Version": 1.3}


def test_a_book_of_project_gutenberg(tmp_path: Path) -> None:
    name = "PROJECT GUTENBERG EBOOK EMMA ***"
    text = (
        "The Project Gutenberg eBook of Emma\n\nTitle: Emma:\n        A Novel\n\n"
        f"Author: Jane Austen\n\n*** START OF THE {name}\n\nCHAPTER I\n\n{BODY}\n\n"
        f"*** END OF THE {name}\n\nThe licence.\n"
    )
    (book,) = spooled(tmp_path, "pg158.txt", text)
    assert (book.title, book.metadata) == ("Emma: A Novel", {"author": "Jane Austen"})
    assert book.text == f"CHAPTER I\n\n{BODY}"
