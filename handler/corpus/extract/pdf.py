"""PDF to text in reading order, with its pages as sections, by PDFium."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from handler.corpus.extract.outline import Extract, Outline, one_line
from handler.errors import UnreadableFile

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

# PDFium writes these for a hyphen at the end of a line.
HYPHEN = re.compile(r"(?<=\w)(?:[\x02\xad\ufffe]|-(?=\r?\n[a-z]))(?:\r?\n)?")
# Control characters, and letters of fonts of icons, which nobody can read.
CONTROL = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\ue000-\uf8ff\ufffe\uffff]")
LEADERS = re.compile(r"(?:\. ?){4,}")
DIGITS = re.compile(r"\d+")
SENTENCE_END = re.compile(r"[.!?:。！？][\"'”’)\]]*$")
# Titles that programs put in instead of the author.
NO_TITLE = re.compile(
    r"(?i)^(?:untitled.*|microsoft word.*|.*\.(?:docx?|pdf|tex|dvi|indd|qxd|ps|pptx?|odt)|\W*|document\d*)$"
)
MAX_TITLE_CHARS = 200

# A page has two columns if a gap near its middle is crossed by few of its pieces of text.
MIDDLE = (0.38, 0.62)
MOST_CROSSING = 0.25
LEAST_SIDE = 0.2
LEAST_PIECES = 8
# Lines that are on this share of the pages, apart from numbers, are heads and feet.
REPEATED = 0.5
LEAST_PAGES = 3
MAX_OUTLINE = 15
MAX_CHARS = 50_000_000


class Box(NamedTuple):
    """A piece of text on a page, in points from the lower left corner."""

    left: float
    bottom: float
    right: float
    top: float


def extract_pdf(path: Path) -> Extract:
    """Return the text of a PDF, page by page.

    The title is that of the file's properties, or else the largest line of the first page.

    Raises:
        UnreadableFile: it is encrypted, damaged, or has no text.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as cause:
        if "password" in str(cause).lower():
            raise UnreadableFile("an encrypted PDF; save it without a password") from cause
        raise UnreadableFile(f"can't be read as PDF: {cause}; is it whole?") from cause
    try:
        return _extract(document)
    except pypdfium2.PdfiumError as cause:
        raise UnreadableFile(f"can't be read as PDF: {cause}; is it whole?") from cause
    finally:
        document.close()


def _extract(document: "PdfDocument") -> Extract:
    pages: list[list[str]] = []
    size = 0
    largest = ""
    for number in range(len(document)):
        page = document[number]
        text_page = page.get_textpage()
        pages.append(_lines(page, text_page))
        size += sum(len(line) for line in pages[-1])
        largest = largest if number else _largest_line(text_page)
        text_page.close()
        page.close()
        if size > MAX_CHARS:
            raise UnreadableFile(f"more than {MAX_CHARS:,} characters of text; split it")
    if not size:
        raise UnreadableFile(
            "a PDF without text; recognise its scanned pages first, as ocrmypdf does"
        )
    repeated = _repeated(pages)
    headings = dict(_bookmarks(document))
    outline = Outline()
    for number, lines in enumerate(pages):
        outline.page(number + 1, headings.get(number, ""))
        for paragraph in _paragraphs([line for line in lines if _bare(line) not in repeated]):
            outline.block(paragraph)
    fields = _fields(document)
    title = fields.pop("title", "") or largest
    return outline.finish(title, fields, titled=False)


def _fields(document: "PdfDocument") -> dict[str, Any]:
    """Return what the file says about itself, under the names that front matter has."""
    found = document.get_metadata_dict(skip_empty=True)
    fields = {
        "title": one_line(found.get("Title", "")),
        "author": one_line(found.get("Author", "")),
        "description": one_line(found.get("Subject", "")),
        "keywords": [
            word.strip() for word in re.split(r"[,;]", found.get("Keywords", "")) if word.strip()
        ],
        "pages": len(document),
    }
    if made := re.match(r"D:(\d{4})(\d\d)(\d\d)", found.get("CreationDate", "")):
        fields["date"] = "-".join(made.groups())
    if NO_TITLE.match(str(fields["title"])):
        fields["title"] = ""
    return {name: value for name, value in fields.items() if value}


def _bookmarks(document: "PdfDocument") -> Iterator[tuple[int, str]]:
    """Yield the page, from 0, and the path of the first bookmark of each page that has one."""
    above: list[str] = []
    last = -1
    for bookmark in document.get_toc(max_depth=MAX_OUTLINE):
        target = bookmark.get_dest()
        page = target.get_index() if target else None
        above = [*above[: min(bookmark.level, MAX_OUTLINE)], one_line(bookmark.get_title())]
        if page is not None and page > last:
            last = page
            yield page, " › ".join(text for text in above if text)


def _lines(page: "PdfPage", text: "PdfTextPage") -> list[str]:
    """Return the lines of a page in reading order, column by column."""
    boxes = [Box(*text.get_rect(n)) for n in range(text.count_rects())]
    width, height = page.get_size()
    gap = _gap(boxes, width)
    if gap is None:
        parts = [text.get_text_range()]
    else:
        parts = []
        for bottom, top, split in _bands(boxes, gap, height):
            columns = [(0.0, gap), (gap, width)] if split else [(0.0, width)]
            parts += [text.get_text_bounded(left, bottom, right, top) for left, right in columns]
    return [line for part in parts for line in HYPHEN.sub("", part).splitlines()]


def _gap(boxes: list[Box], width: float) -> float | None:
    """Return where the gap between two columns is, if there are two."""
    if len(boxes) < LEAST_PIECES:
        return None
    best, crossing = 0.0, len(boxes)
    for step in range(25):
        place = width * (MIDDLE[0] + (MIDDLE[1] - MIDDLE[0]) * step / 24)
        count = sum(box.left < place < box.right for box in boxes)
        nearer = abs(place - width / 2) < abs(best - width / 2)
        if count < crossing or (count == crossing and nearer):
            best, crossing = place, count
    left = sum(box.right <= best for box in boxes)
    right = sum(box.left >= best for box in boxes)
    clear = crossing <= MOST_CROSSING * len(boxes)
    return best if clear and min(left, right) >= LEAST_SIDE * len(boxes) else None


def _bands(boxes: list[Box], gap: float, height: float) -> Iterator[tuple[float, float, bool]]:
    """Yield (bottom, top, whether it has columns) of the bands of a page, from its top.

    Text across the gap is a band of its own, as titles and wide tables are.
    """
    wide = sorted((box for box in boxes if box.left < gap < box.right), key=lambda box: -box.top)
    top = height
    for box in wide:
        if box.top < top:
            yield box.top, top, True
            top = box.top
        if box.bottom < top:
            yield box.bottom, top, False
            top = box.bottom
    yield 0.0, top, True


def _largest_line(text: "PdfTextPage") -> str:
    """Return the text in the largest letters of a page, if it is larger than the rest."""
    characters = text.get_text_range(0, min(text.count_chars(), 5000))
    sizes = [_height(text, n) for n in range(len(characters))]
    if not sizes or max(sizes) < 1.2 * median(sizes):
        return ""
    large = [
        character if size == max(sizes) else "\n"
        for character, size in zip(characters, sizes, strict=False)
    ]
    first = re.sub(r"\n{3,}.*", "", "".join(large).strip().replace("\r", ""), flags=re.DOTALL)
    title = one_line(CONTROL.sub("", first))
    return title if 2 < len(title) <= MAX_TITLE_CHARS else ""


def _height(text: "PdfTextPage", number: int) -> float:
    """Return the height of a character in points, as it is shown."""
    _, bottom, _, top = text.get_charbox(number, loose=True)
    return round(float(top - bottom), 1)


def _bare(line: str) -> str:
    return DIGITS.sub("#", one_line(line))


def _repeated(pages: list[list[str]]) -> set[str]:
    """Return the lines, without their digits, that head or foot most pages; and bare numbers."""
    ends = Counter(
        bare for lines in pages for bare in {_bare(line) for line in [*lines[:2], *lines[-2:]]}
    )
    least = max(LEAST_PAGES, REPEATED * len(pages))
    return {"", "#"} | {bare for bare, count in ends.items() if count >= least}


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Join lines into paragraphs, which end with a sentence on a short line."""
    lengths = sorted(len(line) for line in lines)
    full = lengths[int(len(lengths) * 0.8)] if lengths else 0
    paragraph: list[str] = []
    for line in lines:
        text = one_line(LEADERS.sub(" ", CONTROL.sub("", line)))
        paragraph.append(text)
        if SENTENCE_END.search(text) and len(text) < 0.85 * full:
            yield " ".join(paragraph)
            paragraph = []
    yield " ".join(paragraph)
