"""Tables as text: CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from handler.corpus.bounds import Lines, Oversized
from handler.corpus.readers.source import Head, Raw, Source, reading

NAME = "CSV"
DOCUMENTS = False


def matches(head: Head) -> bool:
    """Tell whether the ending says so."""
    return head.ending == ".csv" and head.is_text


def read(source: Source) -> Iterator[Raw]:
    """Yield a record for each row below the header, with the line on which the row starts."""
    csv.field_size_limit(2**31 - 1)
    with reading(), source.open() as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        lines = Lines(text, source.options.bounds)
        rows = csv.DictReader(lines, strict=True)
        line = 2
        while True:
            lines.begin_record()
            try:
                yield Raw(line, _record(next(rows)))
            except StopIteration:
                return
            except Oversized as problem:
                yield Raw(line, str(problem))
            except csv.Error as cause:
                yield Raw(line, f"not CSV: {cause}")
            line = lines.number + 1


def _record(row: dict[str | None, Any]) -> dict[str, str] | str:
    if None in row or None in row.values():
        return "has another number of columns than the header"
    if any("\udc80" <= character <= "\udcff" for cell in row.values() for character in cell):
        return "not UTF-8"
    return {str(name): cell for name, cell in row.items() if cell != ""}
