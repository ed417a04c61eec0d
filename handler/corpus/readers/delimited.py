"""Tables as text: CSV and TSV, with any delimiter, quotes and encoding."""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from handler.corpus.bounds import Lines, Oversized
from handler.corpus.readers.dialect import Dialect, find_dialect
from handler.corpus.readers.source import Head, Note, Raw, Source, reading
from handler.corpus.readers.text import (
    detect,
    encoding_of,
    head_text,
    is_unmarked_utf_16,
    open_text,
    shown,
)
from handler.corpus.roles import is_text_name

NAME = "CSV"
DOCUMENTS = False
HINTS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
# Endings of pages, in which tables may well occur.
PAGES = (".md", ".markdown", ".mdx", ".rst", ".adoc", ".asciidoc", ".html", ".htm", ".xml", ".tex")
DELIMITER_NAMES = {"\t": "tab"}
MAX_HEADER_CHARS = 60
MISSING = "\\N"
"""How databases write that there is no value."""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def matches(head: Head) -> bool:
    """Tell whether the ending says so, or the beginning is a table by all appearances."""
    is_text = head.is_text or is_unmarked_utf_16(head.data)
    if head.ending in HINTS:
        return is_text
    if not head.is_text or head.ending in PAGES or head.text.lstrip()[:1] in ("{", "[", "<", ""):
        return False
    return _is_table(find_dialect(head_text(head, detect(head)), whole=head.whole))


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield a record for each row below the header, with the line on which the row starts."""
    encoding = encoding_of(source)
    head = source.head
    text = head_text(head, encoding)
    dialect = find_dialect(text, whole=head.whole, hint=HINTS.get(head.ending, ""))
    if shown(encoding) != "UTF-8":
        yield Note("encoding", shown(encoding))
    if dialect.delimiter != ",":
        yield Note("delimiter", DELIMITER_NAMES.get(dialect.delimiter, dialect.delimiter))
    header = header_of([""] * dialect.columns) if _is_data(dialect.header) else None
    if header:
        yield Note("header", "none")
    csv.field_size_limit(2**31 - 1)
    with reading(), open_text(source, encoding) as file:
        lines = Lines(file, source.options.bounds)
        yield from _rows(lines, dialect, header)


def _is_data(row: Sequence[str]) -> bool:
    """Tell whether a first row is no header: it begins with a number, or holds a link."""
    named = any(map(is_text_name, row))
    link = any(cell.startswith(("http://", "https://")) for cell in row)
    numbered = len(row) > 1 and NUMBER.fullmatch(row[0]) and not all(map(NUMBER.fullmatch, row))
    return not named and bool(link or numbered)


def _rows(lines: Lines[str], dialect: Dialect, header: list[str] | None) -> Iterator[Raw]:
    rows = csv.reader(lines, **dialect.options())  # type: ignore[arg-type]
    skip, line = dialect.skip, 1
    while True:
        lines.begin_record()
        try:
            row = next(rows)
        except StopIteration:
            return
        except Oversized as problem:
            good, skipped = _next_whole_row(lines, dialect, header)
            rest = f"; {skipped:,} more lines were skipped with it" if skipped else ""
            yield Raw(line, f"{problem}{rest}")
            rows = csv.reader(itertools.chain(good, lines), **dialect.options())  # type: ignore[arg-type]
            line = lines.number + 1 - len(good)
            continue
        except csv.Error as cause:
            yield Raw(line, f"not CSV: {cause}")
        else:
            if skip:
                skip -= any(row)
            elif header is None:
                header = header_of(row) if any(row) else None
            elif any(row):
                yield Raw(line, _record(header, row))
        line = lines.number + 1


def _next_whole_row(
    lines: Lines[str], dialect: Dialect, header: Sequence[str] | None
) -> tuple[list[str], int]:
    """Skip what may be the rest of a quoted cell; return the next line that is a row, and how many were none.

    A row has as many columns as the header, and its quotes are closed: the end of the cell must not
    open another one, which would take the rows after it.
    """
    skipped = 0
    while header:
        lines.begin_record()
        try:
            text = next(lines)
        except StopIteration:
            break
        except Oversized:
            skipped += 1
            continue
        if not dialect.quote or text.count(dialect.quote) % 2 == 0:
            with suppress(csv.Error, StopIteration):
                row = next(csv.reader([text], **dialect.options()))  # type: ignore[arg-type]
                if len(row) == len(header):
                    return [text], skipped
        skipped += 1
    return [], skipped


def header_of(row: Sequence[str]) -> list[str]:
    """Return the names of the columns; those without a name, or with one that was there, get one."""
    names: list[str] = []
    for number, cell in enumerate(row, start=1):
        name = cell.removeprefix("\ufeff").strip() or f"column {number}"
        taken = itertools.chain([name], (f"{name} {copy}" for copy in itertools.count(2)))
        names.append(next(each for each in taken if each not in names))
    return names


def _record(header: Sequence[str], row: list[str]) -> dict[str, str] | str:
    while len(row) > len(header) and not row[-1].strip():
        row.pop()
    if len(row) > len(header):
        return f"has {len(row)} columns, and the header {len(header)}"
    if any(
        "\udc80" <= character <= "\udcff"
        for cell in row
        if not cell.isascii()
        for character in cell
    ):
        return "not UTF-8"
    if MISSING in row:
        row = ["" if cell == MISSING else cell for cell in row]
    return dict(zip(header, row, strict=False))


def _is_table(dialect: Dialect) -> bool:
    """Tell whether a text of unknown kind is a table: rows alike below a header of short names."""
    names = [name for name in dialect.header if name]
    tidy = len({*names}) == dialect.columns and all(len(name) <= MAX_HEADER_CHARS for name in names)
    if dialect.columns < 2 or dialect.rows < 2 or dialect.share < 0.9 or not tidy:
        return False
    return dialect.delimiter != "," or any(map(is_text_name, names))
