"""PDF to text in reading order; the files are made here."""

from pathlib import Path

import pytest
from fpdf import FPDF
from fpdf.enums import AccessPermission

from handler.corpus.extract.pdf import extract_pdf
from handler.errors import UnreadableFile

LEFT = [f"Left column line {n} tells of tides and of the boats on them" for n in range(30)]
RIGHT = [f"Right column line {n} tells of harbours and of their old keepers" for n in range(30)]


def new_pdf() -> FPDF:
    pdf = FPDF(unit="pt", format="A4")
    pdf.set_auto_page_break(auto=False)
    return pdf


def paper(path: Path, *, row_by_row: bool) -> Path:
    """Write a page with a title across two columns; many programs draw it row by row."""
    pdf = new_pdf()
    pdf.add_page()
    pdf.set_font("Helvetica", size=20)
    pdf.text(90, 70, "On the tides and harbours of the northern sea")
    pdf.set_font("Helvetica", size=8)
    rows = [(60, 110 + 12 * n, line) for n, line in enumerate(LEFT)]
    rows += [(320, 110 + 12 * n, line) for n, line in enumerate(RIGHT)]
    for x, y, line in sorted(rows, key=lambda row: row[1]) if row_by_row else rows:
        pdf.text(x, y, line)
    pdf.output(str(path))
    return path


@pytest.mark.parametrize("row_by_row", [True, False])
def test_two_columns_are_read_one_after_the_other(tmp_path: Path, row_by_row: bool) -> None:
    found = extract_pdf(paper(tmp_path / "a.pdf", row_by_row=row_by_row))
    assert found.title == "On the tides and harbours of the northern sea"
    words = " ".join(found.text.split())
    assert words.startswith("On the tides and harbours of the northern sea Left column line 0")
    assert f"{LEFT[29]} {RIGHT[0]}" in words
    assert words.endswith(RIGHT[29])


def test_pages_are_sections(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.set_title("Three pages")
    pdf.set_author("Ann")
    for number in range(1, 5):
        pdf.add_page()
        pdf.set_font("Helvetica", size=11)
        pdf.text(60, 40, "A running head")
        pdf.text(60, 90, f"The text of the sheet with the letter {'abcd'[number - 1]} has an exam-")
        pdf.text(60, 104, "ple in it, and it goes on.")
        pdf.text(300, 800, str(number))
    pdf.output(str(tmp_path / "a.pdf"))
    found = extract_pdf(tmp_path / "a.pdf")
    assert found.title == "Three pages"
    assert found.fields["author"] == "Ann"
    assert found.fields["pages"] == 4
    assert found.text.split("\n\n") == [
        f"The text of the sheet with the letter {letter} has an example in it, and it goes on."
        for letter in "abcd"
    ]
    assert [(section.anchor, section.label) for section in found.sections] == [
        (f"page={number}", f"page {number}") for number in range(1, 5)
    ]
    assert found.text[found.sections[2].body :].startswith(
        "The text of the sheet with the letter c"
    )


def test_bookmarks_are_headings(tmp_path: Path) -> None:
    pdf = new_pdf()
    for name in ("Tides", "", "Harbours"):
        pdf.add_page()
        pdf.set_font("Helvetica", size=11)
        if name:
            pdf.start_section(name)
        pdf.text(60, 90, f"Text below {name or 'nothing'}.")
    pdf.output(str(tmp_path / "a.pdf"))
    found = extract_pdf(tmp_path / "a.pdf")
    assert [section.heading for section in found.sections] == ["Tides", "Tides", "Harbours"]


def test_an_encrypted_file_says_so(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.add_page()
    pdf.set_encryption("owner", "user", permissions=AccessPermission.none())
    pdf.output(str(tmp_path / "a.pdf"))
    with pytest.raises(UnreadableFile, match="an encrypted PDF; save it without a password"):
        extract_pdf(tmp_path / "a.pdf")


def test_a_file_without_text_says_so(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.add_page()
    pdf.line(10, 10, 90, 90)
    pdf.output(str(tmp_path / "a.pdf"))
    with pytest.raises(UnreadableFile, match="a PDF without text"):
        extract_pdf(tmp_path / "a.pdf")


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", b"%PDF-1.7\n" + b"x" * 5000])
def test_a_damaged_file_says_so(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.pdf").write_bytes(data)
    with pytest.raises(UnreadableFile, match="can't be read as PDF"):
        extract_pdf(tmp_path / "a.pdf")


def test_damage_anywhere_is_no_crash(tmp_path: Path) -> None:
    data = paper(tmp_path / "a.pdf", row_by_row=False).read_bytes()
    for cut in range(0, len(data), max(1, len(data) // 20)):
        (tmp_path / "b.pdf").write_bytes(data[:cut])
        try:
            extract_pdf(tmp_path / "b.pdf")
        except UnreadableFile:
            continue
