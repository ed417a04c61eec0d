"""Excel workbooks (.xlsx, .xlsb, .xls, .ods), by python-calamine.

openpyxl takes some ten times as long, and reads .xlsx alone.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from handler.corpus.readers.delimited import header_of
from handler.corpus.readers.source import Head, Note, Raw, Source
from handler.errors import UnreadableFile, missing_library

NAME = "Excel"
DOCUMENTS = False
ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
ZIP = b"PK\x03\x04"
# Old workbooks, and new ones with a password.
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_ROWS_ABOVE = 5


def matches(head: Head) -> bool:
    """Tell whether it is a workbook: an archive that begins with its parts, or an old one."""
    if head.data.startswith(COMPOUND):
        return True
    if not head.data.startswith(ZIP):
        return False
    return head.ending in ENDINGS or b"xl/workbook" in head.data or b"xl/worksheets" in head.data


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield a record for each row below the header of each sheet."""
    try:
        import python_calamine as calamine
    except ImportError as cause:
        raise missing_library(source.name, "python-calamine", "excel") from cause
    with source.local() as path:
        try:
            workbook = calamine.CalamineWorkbook.from_path(str(path))
            sheets = [name for name in workbook.sheet_names if _is_visible(workbook, name)]
            if len(sheets) > 1:
                yield Note("sheets", ", ".join(sheets))
            for name in sheets:
                yield from _records(workbook.get_sheet_by_name(name))
        except (calamine.CalamineError, OSError, ValueError) as cause:
            raise UnreadableFile(_problem(source, cause)) from cause


def _is_visible(workbook: Any, name: str) -> bool:
    found = [each for each in workbook.sheets_metadata if each.name == name]
    return not found or str(found[0].visible).endswith("Visible")


def _records(sheet: Any) -> Iterator[Raw]:
    """Yield the rows below the header: the first row that is as wide as those after it."""
    first = sheet.start[0] if sheet.start else 0
    rows = enumerate(sheet.iter_rows(), start=first + 1)
    above: list[tuple[int, list[Any]]] = []
    for number, row in rows:
        above.append((number, row))
        if len(above) > MAX_ROWS_ABOVE:
            break
    if not above:
        return
    widest = max(_width(row) for _, row in above)
    top = next(place for place, (_, row) in enumerate(above) if _width(row) == widest)
    header = header_of([str(cell) for cell in above[top][1]])
    for number, row in [*above[top + 1 :], *rows]:
        if any(cell != "" for cell in row):
            yield Raw(number, _record(header, row))


def _width(row: Sequence[Any]) -> int:
    return sum(cell != "" for cell in row)


def _record(header: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """Return the cells by column. Excel knows no whole numbers, and writes dates as times at midnight."""
    return {name: _plain(cell) for name, cell in zip(header, row, strict=False) if cell != ""}


def _plain(cell: Any) -> Any:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)
    return cell


def _problem(source: Source, cause: Exception) -> str:
    with source.open() as file:
        data = file.read(1 << 16)
    if data.startswith(COMPOUND) and "EncryptedPackage".encode("utf-16-le") in data:
        return "a workbook with a password; save it without one"
    return f"can't be read as Excel: {cause}; save it anew as .xlsx"
