"""How a corpus is read, as a person asks for it and sees it on the command line."""

import json
from pathlib import Path

import pytest

from tests.command_line import Run, expect_failure
from tests.library import Library

SHOP = (
    "Artikelnummer;Bezeichnung;Beschreibung;Preis;Jahr\r\n"
    "0815;Möwe;Ein Bild der Küste bei Sturm.;12,50;1990\r\n"
    "0816;Wald;Ein Bild von Bäumen im Nebel.;8,90;unbekannt\r\n"
)


# In the shape of a public collection of books.
BOOK = {
    "isbn": "0312853122",
    "popular_shelves": [{"count": "3", "name": "to-read"}],
    "average_rating": "3.81",
    "description": "A family by the sea.",
    "link": "https://books.example/show/7",
    "authors": [{"author_id": "604031", "role": ""}],
    "num_pages": "",
    "book_id": "7",
    "title": "Good Harbor",
}
CIRCUS = {
    "popular_shelves": [{"count": "3", "name": "to-read"}, {"count": "1", "name": "magic"}],
    "average_rating": "4.00",
    "description": "Nights of a circus, told by its clockmaker.",
    "num_pages": "256",
    "book_id": "8",
    "title": "The Clockmaker's Tent",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    path.write_bytes(SHOP.encode("cp1252"))
    return path


def test_a_dry_run_shows_what_would_be_indexed(run: Run, shop: Path, library: Library) -> None:
    shown = run("index", shop, "--dry-run", "--model", library.model, "--type", "Jahr=integer")
    assert (shown.code, shown.err) == (0, "")
    for text in (
        "1 file, 159 bytes: 2 documents",
        "kind: CSV, encoding windows-1252, delimiter ;",
        "id is Artikelnummer (--id-field), title is Bezeichnung (--title-field)",
        "first: 0815: Möwe: Ein Bild der Küste bei Sturm.",
        "Preis  float    100%",
        "12.5 · 8.9",
        "1: unbekannt",
        "encoding: about 0 min",
        "nothing was written",
    ):
        assert text in shown.out
    assert sorted(path.name for path in shop.parent.iterdir()) == [shop.name]


def test_guesses_are_told_and_can_be_changed(run: Run, shop: Path, library: Library) -> None:
    common = ("--to", "store", "--model", library.model)
    first = run("index", shop, *common)
    assert first.code == 0
    assert "kind: CSV, encoding windows-1252, delimiter ;" in first.err
    assert "title is Bezeichnung (--title-field), text is Beschreibung (--text-field)" in first.err
    assert "fields to filter by: Preis (float), Jahr (string)" in first.out
    options = ("--title-field", "beschreibung", "--ignore", "Jahr", "--type", "Preis=string")
    second = run("index", shop, *common, *options)
    assert second.code == 0
    assert "--title-field" not in second.err
    assert second.out.endswith("fields to filter by: Bezeichnung (string), Preis (string)\n")


def test_what_does_not_fit_a_type_is_told(run: Run, tmp_path: Path, library: Library) -> None:
    lines = [{"text": f"t{n}", "year": "1990" if n else "n/a"} for n in range(40)]
    (tmp_path / "c.json").write_text("\n".join(map(json.dumps, lines)))
    done = run("index", "c.json", "--to", "store", "--model", library.model)
    assert "year: 1 of 40 values are no integer, such as 'n/a', and were dropped" in done.err
    assert "--type year=string" in done.err


def test_fields_that_are_not_there_are_refused(run: Run, shop: Path, library: Library) -> None:
    common = ("index", shop, "--to", "store", "--model", library.model)
    expect_failure(
        run(*common, "--text-field", "Beschreibung,Inhalt"),
        "no record has a field 'Inhalt'; there are: Artikelnummer, Bezeichnung",
    )
    expect_failure(
        run(*common, "--type", "Preis=money"),
        "--type is 'Preis=money'; give a field and one of integer, float",
    )


def test_books_unchanged_in_one_command(run: Run, tmp_path: Path, library: Library) -> None:
    lines = [json.dumps(BOOK | {"book_id": "7"}), json.dumps(BOOK | CIRCUS)]
    (tmp_path / "goodreads_books.json").write_text("\n".join(lines))
    done = run("index", "goodreads_books.json", "--to", "store", "--model", library.model)
    assert done.code == 0
    assert "id is book_id (--id-field), text is description (--text-field)" in done.err
    assert "average_rating (float)" in done.out
    common = ("--store", "store", "--model", library.model, "--json")
    found = json.loads(run("search", "circus clockmaker", *common, "--mode", "keyword").out)
    [hit] = found["hits"]
    assert (hit["id"], hit["title"]) == ("8", "The Clockmaker's Tent")
    assert hit["metadata"]["popular_shelves"] == ["to-read", "magic"]
    wanted = '{"average_rating": {"$gte": 4}, "popular_shelves": "magic"}'
    found = json.loads(run("search", "book", *common, "--filter", wanted).out)
    assert [each["id"] for each in found["hits"]] == ["8"]
