"""Word documents, EPUB books, notebooks and novels in plain text."""

import json
import zipfile
from pathlib import Path

import pytest

from handler.corpus.extract.docx import extract_docx
from handler.corpus.extract.epub import extract_epub
from handler.corpus.extract.notebook import extract_notebook
from handler.corpus.extract.plain import extract_plain
from handler.errors import UnreadableFile
from tests.handler.extract.books import CHAPTERS, novel_text, write_docx, write_epub


def test_a_novel_as_text_and_as_epub_has_the_same_chapters(tmp_path: Path) -> None:
    plain = extract_plain(novel_text())
    book = extract_epub(write_epub(tmp_path / "a.epub"))
    for found in (plain, book):
        assert [section.heading for section in found.sections[-3:]] == list(CHAPTERS)
        for section, text in zip(found.sections[-3:], CHAPTERS.values(), strict=True):
            assert found.text[section.body :].strip().startswith(text)
    assert plain.title == ""
    assert plain.text.startswith("THE FERRY AND THE STORM")
    assert book.title == "The Ferry & the Storm"
    assert book.fields == {
        "author": "Ida Holm",
        "language": "en",
        "date": "1921-05-01",
        "tags": ["sea", "sisters"],
    }


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("CHAPTER I\n\nIt was late.\n\nCHAPTER II\n\nIt was early.", ["CHAPTER I", "CHAPTER II"]),
        ("Chapter One\n\nIt was late.", ["Chapter One"]),
        ("PART ONE\n\nCHAPTER 1. LOOMINGS.\n\nCall me.", ["PART ONE", "PART ONE › CHAPTER 1. LOOMINGS."]),
        ("Kapitel 3\nDie Fähre\n\nEs war spät.", ["Kapitel 3 Die Fähre"]),
        ("Chapter one was short, and she read it twice.\n\nThen she slept.", []),
        ("Part of the crew left.\n\nThe rest stayed.", []),
        ("Just a note.", []),
    ],
)  # fmt: skip
def test_chapters_of_plain_text(text: str, headings: list[str]) -> None:
    assert [section.heading for section in extract_plain(text).sections] == headings


def test_an_encrypted_epub_says_so(tmp_path: Path) -> None:
    drm = '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData><e:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></e:EncryptedData></encryption>'
    with pytest.raises(UnreadableFile, match="encrypted EPUB book"):
        extract_epub(write_epub(tmp_path / "a.epub", {"META-INF/encryption.xml": drm}))
    fonts = drm.replace(
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc", "http://www.idpf.org/2008/embedding"
    )
    assert extract_epub(write_epub(tmp_path / "b.epub", {"META-INF/encryption.xml": fonts})).title


def test_a_word_document(tmp_path: Path) -> None:
    path = write_docx(
        tmp_path / "a.docx",
        [
            ("Title", "Annual report"),
            ("", "A summary &amp; more."),
            ("heading 1", "Sales"),
            ("", "They rose."),
            ("heading 2", "Kettles"),
            ("", "They rose most."),
        ],
    )
    found = extract_docx(path)
    assert found.title == "Annual report"
    assert found.text == "A summary & more.\n\nSales\n\nThey rose.\n\nKettles\n\nThey rose most."
    assert [section.heading for section in found.sections] == ["Sales", "Sales › Kettles"]
    assert found.fields == {"author": "Ann", "date": "2024-01-02T03:04:05Z"}


def test_the_properties_of_a_word_document_name_it(tmp_path: Path) -> None:
    assert extract_docx(write_docx(tmp_path / "a.docx", [("", "Text.")], "Named")).title == "Named"


@pytest.mark.parametrize("extract", [extract_docx, extract_epub])
def test_damaged_files_say_so(tmp_path: Path, extract: object) -> None:
    whole = (
        write_docx(tmp_path / "w", [("", "x" * 500)])
        if extract is extract_docx
        else write_epub(tmp_path / "w")
    )
    data = whole.read_bytes()
    for bad in (b"", b"PK\x03\x04", data[: len(data) // 2], data[:-30], b"no zip"):
        (tmp_path / "bad").write_bytes(bad)
        with pytest.raises(UnreadableFile):
            extract(tmp_path / "bad")  # type: ignore[operator]
    with zipfile.ZipFile(tmp_path / "other", "w") as archive:
        archive.writestr("a.txt", "another ZIP")
    with pytest.raises(UnreadableFile):
        extract(tmp_path / "other")  # type: ignore[operator]


def test_entities_and_large_members_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><container>&b;</container>'
    with pytest.raises(UnreadableFile, match="defines entities"):
        extract_epub(write_epub(tmp_path / "a.epub", {"META-INF/container.xml": bomb}))
    monkeypatch.setattr("handler.corpus.extract.containers.MAX_BYTES", 1000)
    with pytest.raises(UnreadableFile, match="too large"):
        extract_epub(write_epub(tmp_path / "b.epub"))


def test_a_notebook() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Tides\n", "\n", "A *model*."]},
        {"cell_type": "code", "source": "import numpy\n", "outputs": [{"text": "never read"}]},
        {"cell_type": "markdown", "source": "## Data\n\nFrom `tides.csv`."},
    ]
    found = extract_notebook(json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}))
    assert found.title == "Tides"
    assert found.text == "A model.\n\nimport numpy\n\nData\n\nFrom tides.csv."
    assert [section[2:] for section in found.sections] == [("Data", "data")]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"cells": 5}', '{"cells": [{}]}'])
def test_what_is_no_notebook_says_so(text: str) -> None:
    with pytest.raises(UnreadableFile, match="can't be read as a notebook"):
        extract_notebook(text)
