"""Records as people have them: which field is what, and which types the values get."""

import json
from pathlib import Path
from typing import Any

import pytest

from handler.corpus.document import Document
from handler.corpus.inference import Inference, converted, converter
from handler.corpus.options import DEFAULT_OPTIONS, FieldNames, ReadOptions
from handler.corpus.records import Reject, read_corpus
from handler.corpus.roles import Roles, find_roles
from handler.corpus.spool import Spool

BOOK = {
    "isbn": "0312853122",
    "text_reviews_count": "1",
    "series": [],
    "language_code": "",
    "popular_shelves": [{"count": "3", "name": "to-read"}, {"count": "1", "name": "circus"}],
    "is_ebook": "false",
    "average_rating": "4.00",
    "similar_books": ["8709549"],
    "description": "The nights of a travelling circus, told by its clockmaker.",
    "link": "https://books.example/show/5333265",
    "authors": [{"author_id": "604031", "role": ""}, {"author_id": "626222", "role": ""}],
    "num_pages": "256",
    "isbn13": "9780312853129",
    "publication_year": "1984",
    "book_id": "5333265",
    "work_id": "5400751",
    "title": "The Clockmaker's Tent",
}
OTHER = BOOK | {
    "isbn": "0743509986",
    "average_rating": "3.23",
    "num_pages": "",
    "isbn13": "9780743509985",
    "publication_year": "2001",
    "book_id": "1333909",
    "work_id": "1323437",
    "title": "Good Harbor",
    "link": "https://books.example/show/1333909",
}


def spooled(tmp_path: Path, name: str, text: str, options: ReadOptions = DEFAULT_OPTIONS) -> Spool:
    (tmp_path / name).write_text(text, "utf-8")
    items = read_corpus(tmp_path / name, options)
    return Spool.write(items, tmp_path / "spool", tmp_path / "rejects.jsonl", 1, options.types)


def kinds(spool: Spool) -> dict[str, str]:
    return {name: field.kind for name, field in spool.schema.items()}


def test_books_as_the_book_graph_has_them(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(record) for record in (BOOK, OTHER))
    spool = spooled(tmp_path, "goodreads_books.json", lines)
    first, second = spool
    assert (spool.rejected, spool.unreadable) == (0, 0)
    assert first == Document(
        id="5333265",
        title="The Clockmaker's Tent",
        text="The nights of a travelling circus, told by its clockmaker.",
        url="https://books.example/show/5333265",
        metadata={
            "isbn": "0312853122",
            "text_reviews_count": 1,
            "popular_shelves": ["to-read", "circus"],
            "is_ebook": False,
            "average_rating": 4.0,
            "similar_books": ["8709549"],
            "authors": ["604031", "626222"],
            "num_pages": 256,
            "isbn13": "9780312853129",
            "publication_year": 1984,
            "work_id": "5400751",
        },
    )
    assert (second.id, second.title) == ("1333909", "Good Harbor")
    assert "num_pages" not in second.metadata
    assert spool.schema["num_pages"].documents == 1
    assert kinds(spool)["average_rating"] == "float"


LONG = "A text of some length, which tells what the thing is and what it is good for."
ROLES: list[tuple[dict[str, Any], Roles]] = [
    ({"id": 1, "title": "a", "text": "b"}, Roles(id="id", title="title", text=("text",))),
    ({"Title": "a", "text": "b"}, Roles(title="Title", text=("text",), guessed_id=True)),
    ({"ID": 1, "TITLE": "a", "Body": "b"}, Roles(id="ID", title="TITLE", text=("Body",))),
    (
        {"name": "a", "description": "b", "href": "c"},
        Roles(title="name", text=("description",), url="href", guessed_id=True),
    ),
    (
        {"headline": "a", "short_description": "b", "link": "c"},
        Roles(title="headline", text=("short_description",), url="link", guessed_id=True),
    ),
    (
        {"book_id": "7", "Book Title": "a", "author_name": "x", "plot": "b"},
        Roles(id="book_id", title="Book Title", text=("plot",), guessed_id=True),
    ),
    ({"question": "a", "answer": "b"}, Roles(title="question", text=("answer",), guessed_id=True)),
    (
        {"Artikelnummer": "0815", "Bezeichnung": "Hammer", "Beschreibung": LONG, "Preis": "3"},
        Roles(id="Artikelnummer", title="Bezeichnung", text=("Beschreibung",), guessed_id=True),
    ),
    (
        {"Référence": "A1", "Désignation": "Marteau", "Descriptif": LONG},
        Roles(id="Référence", title="Désignation", text=("Descriptif",), guessed_id=True),
    ),
    ({"a": "x", "b": LONG, "c": 5}, Roles(text=("b",), guessed_id=True)),
    ({"text": "great", "label": 1}, Roles(text=("text",), guessed_id=True)),
    ({"title": {"en": "a"}, "body": "b"}, Roles(title="title", text=("body",), guessed_id=True)),
    (
        {"user_name": "ann", "image_url": "https://x", "n": 1},
        Roles(text=("user_name",), guessed_id=True),
    ),
]


@pytest.mark.parametrize(("record", "roles"), ROLES, ids=[",".join(each) for each, _ in ROLES])
def test_which_field_is_what_is_guessed(
    tmp_path: Path, record: dict[str, Any], roles: Roles
) -> None:
    [document] = spooled(tmp_path, "c.jsonl", json.dumps(record))
    flat = {"title.en": "a", "body": "b"} if isinstance(record.get("title"), dict) else record
    assert find_roles([flat], FieldNames()) == roles
    assert document.title == (str(flat.get(roles.title, "a")) if roles.title else "")


def test_names_that_the_user_gives(tmp_path: Path) -> None:
    names = FieldNames(id="Nr", title="what", text="summary,review", url="page")
    text = '{"nr": 7, "What": "T", "summary": "S.", "review": "R.", "page": "u", "text": "x"}'
    [document] = spooled(tmp_path, "c.jsonl", text, ReadOptions(fields=names, ignore=["text"]))
    assert document == Document(id="7", title="T", text="S.\n\nR.", url="u", metadata={})


def test_a_guessed_id_that_repeats_costs_no_record(tmp_path: Path) -> None:
    first = [{"sku": str(n), "title": f"t{n}"} for n in range(300)]
    lines = "\n".join(json.dumps(record) for record in [*first, {"sku": "5", "title": "again"}])
    spool = spooled(tmp_path, "c.jsonl", lines)
    assert (spool.documents, spool.rejected) == (301, 0)
    assert [document.id for document in spool][:2] == ["0", "1"]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_types_are_inferred_over_the_corpus(tmp_path: Path, ending: str) -> None:
    columns: dict[str, list[str]] = {
        "rating": ["3.81"] * 39 + ["n/a"],
        "votes": ["1,234", "12"] * 20,
        "zip": ["12345"] * 40,
        "code": ["0123", "4567"] * 20,
        "isbn": ["9780312853129"] * 40,
        "sold": ["yes", "No"] * 20,
        "when": ["2020-01-02T03:04:05+02:00"] * 40,
        "seen": ["31/12/2019", "01/02/2020"] * 20,
        "added": ["Mon Oct 16 10:48:59 -0700 2017"] * 40,
        "mixed": ["7", "seven"] * 20,
    }
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    rows = [{"id": f"d{number}", "text": "t"} | row for number, row in enumerate(rows)]
    if ending == "csv":
        cells = [[f'"{value}"' for value in row.values()] for row in rows]
        text = "\n".join([",".join(rows[0]), *(",".join(row) for row in cells)])
    else:
        text = "\n".join(json.dumps(row) for row in rows)
    spool = spooled(tmp_path, f"c.{ending}", text)
    assert kinds(spool) == {
        "rating": "float",
        "votes": "integer",
        "zip": "string",
        "code": "string",
        "isbn": "string",
        "sold": "boolean",
        "when": "date",
        "seen": "date",
        "added": "date",
        "mixed": "string",
    }
    [first, second, *_, last] = spool
    assert first.metadata == {
        "rating": 3.81,
        "votes": 1234,
        "zip": "12345",
        "code": "0123",
        "isbn": "9780312853129",
        "sold": True,
        "when": "2020-01-02T03:04:05+02:00",
        "seen": "2019-12-31",
        "added": "2017-10-16T10:48:59-07:00",
        "mixed": "7",
    }
    assert second.metadata["seen"] == "2020-02-01"
    assert "rating" not in last.metadata
    assert (spool.dropped["rating"].count, spool.dropped["rating"].example) == (1, "n/a")


def test_types_that_the_user_gives(tmp_path: Path) -> None:
    options = ReadOptions(types={"year": "integer", "code": "integer", "n": "string"})
    text = '{"text": "a", "year": "c. 1900", "code": "007", "n": 5}\n{"text": "b", "year": "1901"}'
    spool = spooled(tmp_path, "c.jsonl", text, options)
    assert [document.metadata for document in spool] == [{"code": 7, "n": "5"}, {"year": 1901}]
    assert kinds(spool) == {"year": "integer", "code": "integer", "n": "string"}


@pytest.mark.parametrize(
    ("target", "value", "expected"),
    [
        ("integer", "1e3", 1000),
        ("integer", "2.5", None),
        ("integer", 3.0, 3),
        ("integer", "9223372036854775808", None),
        ("float", "−1.5", -1.5),
        ("float", "1_000", None),
        ("float", "١٢", None),
        ("boolean", "Oui", True),
        ("boolean", 0, False),
        ("boolean", "maybe", None),
        ("date:mdy", "12/31/2020", "2020-12-31"),
        ("date:dmy", "31.12.2020 08:05", "2020-12-31T08:05"),
        ("date", "Wed, 12 Feb 2020 10:00:00 GMT", "2020-02-12T10:00:00+00:00"),
        ("date", "Feb 30, 2020", None),
        ("string", True, "true"),
    ],
)
def test_conversions(target: str, value: Any, expected: object) -> None:
    assert converted(value, converter(target)) == expected


def test_objects_keyed_by_ids_do_not_become_endless_fields() -> None:
    inference = Inference(most=100)
    inference.observe({f"votes.{number}": number for number in range(300)})
    assert len(inference.seen) == 100
    assert inference.left_out == "votes.100"


def test_a_refusal_lists_the_fields(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"a": 1, "b": 2}')
    [reject] = read_corpus(tmp_path / "c.jsonl")
    assert isinstance(reject, Reject)
    assert "there are: a, b; name one with --text-field or --title-field" in reject.reason
