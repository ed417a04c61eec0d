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
