"""A document's stored form in cells, whose types are put in later without decoding the whole.

The types are known after the last document. Until then, tabs divide the stored form, which JSON never
holds itself: what comes before the metadata, name and value of each field in turn, and the rest.
Without the tabs, a line is what `to_json` makes of the document.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from handler.corpus.document import Document, Value, encode_json
from handler.corpus.inference import MAX_PLAIN_DIGITS, Loss, converted, converter

CACHED_CELLS = 20_000
CACHED_CHARS = 48
"""Longer cells hardly repeat."""

Convert = Callable[[str], str | None]


def to_cells(document: Document) -> str:
    """Return the stored form of a document, with tabs between its cells."""
    texts = (document.id, document.title, document.text, document.url)
    cells = [f"[{', '.join(map(encode_basestring, texts))}, {{"]
    for name, value in document.metadata.items():
        cells.append(_name_cell(name))
        cells.append(encode_basestring(value) if type(value) is str else _value_cell(value))
    if len(cells) > 1:
        cells[1] = cells[1].removeprefix(", ")
    sections = encode_json(document.sections) if document.sections else "[]"
    vector = f', "{document.vector}"' if document.vector else ""
    cells.append(f"}}, {sections}{vector}]")
    return "\t".join(cells)


class CellConverter:
    """Converts the metadata of lines that `to_cells` made, and counts what does not fit.

    Attributes:
        dropped: what did not fit, by field.
    """

    def __init__(self, targets: Mapping[str, str]) -> None:
        """Take what each field is converted to, see inference.py."""
        self.dropped: dict[str, Loss] = {}
        # Each field by both of its cells: as the first one, and behind another.
        self._fields = {
            cell: (name, cell_converter(target))
            for name, target in targets.items()
            for cell in (_name_cell(name), _name_cell(name).removeprefix(", "))
        }

    def stored(self, line: str) -> str:
        """Return the stored form of the document, converted."""
        cells = line.split("\t")
        fields = self._fields
        whole = True
        for at in range(1, len(cells) - 1, 2):
            found = fields.get(cells[at])
            if found is None:
                continue
            new = found[1](cells[at + 1])
            if new is None:
                self._drop(found[0], cells[at + 1])
                cells[at] = cells[at + 1] = ""
                whole = False
            else:
                cells[at + 1] = new
        if not whole:
            first = next((at for at in range(1, len(cells) - 1, 2) if cells[at]), 0)
            cells[first] = cells[first].removeprefix(", ")
        return "".join(cells)

    def _drop(self, name: str, cell: str) -> None:
        if name in self.dropped:
            self.dropped[name].count += 1
        else:
            self.dropped[name] = Loss(1, str(json.loads(cell))[:80])


def cell_converter(target: str) -> Convert:
    """Return the function that makes a value fit, both in JSON; it returns None for one that can't."""
    to = converter(target)

    def convert(cell: str) -> str | None:
        new = converted(json.loads(cell), to)
        return None if new is None else _value_cell(new)

    cached = lru_cache(CACHED_CELLS)(convert)

    def convert_any(cell: str) -> str | None:
        return cached(cell) if len(cell) <= CACHED_CHARS else convert(cell)

    def convert_digits(cell: str) -> str | None:
        digits = cell[1:-1]
        plain = cell[0] == '"' and digits.isdigit() and digits.isascii()
        return (
            digits
            if plain and digits[0] != "0" and len(digits) <= MAX_PLAIN_DIGITS
            else convert_any(cell)
        )

    return convert_digits if target == "integer" else convert_any


@lru_cache(maxsize=10_000)
def _name_cell(name: str) -> str:
    return f", {encode_basestring(name)}: "


def _value_cell(value: Value) -> str:
    kind: Any = type(value)
    if kind is str:
        return encode_basestring(value)  # type: ignore[arg-type]
    if kind is list and type(value[0]) is str:  # type: ignore[index]
        return f"[{', '.join(map(encode_basestring, value))}]"  # type: ignore[arg-type]
    return repr(value) if kind is int else encode_json(value)
