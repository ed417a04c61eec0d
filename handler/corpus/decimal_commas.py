"""Numbers as `1.234,56`, which tables with semicolons hold in half of Europe."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from handler.corpus.document import Value

# Thousands are set apart by points, in French by spaces.
NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:[. \xa0\u202f]\d{3})+|\d+)(?:,\d+)?")
APART = str.maketrans({".": None, " ": None, "\xa0": None, "\u202f": None, ",": "."})
NEARLY_ALL = 0.95


@dataclass(frozen=True, slots=True)
class Commas:
    """The fields of a table whose numbers have decimal commas."""

    fields: frozenset[str] = frozenset()

    @classmethod
    def of(cls, sample: Sequence[dict[str, Value]]) -> Self:
        """Find the fields in which nearly all values are such numbers, one of them with a comma."""
        values: dict[str, list[str]] = {}
        for record in sample:
            for name, value in record.items():
                values.setdefault(name, []).append(str(value))
        numbers = {
            name: texts
            for name, texts in values.items()
            if sum(map(_is_number, texts)) >= NEARLY_ALL * len(texts)
        }
        found = {name for name, texts in numbers.items() if any("," in text for text in texts)}
        if found:  # then points in the other numbers set thousands apart
            found |= {name for name, texts in numbers.items() if any("." in text for text in texts)}
        return cls(frozenset(found))

    def replaced(self, record: dict[str, Value]) -> dict[str, Value]:
        """Return the record with points instead of decimal commas."""
        if not self.fields:
            return record
        return {
            name: _with_point(value) if name in self.fields else value
            for name, value in record.items()
        }


def _is_number(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None


def _with_point(value: Value) -> Value:
    if isinstance(value, str) and _is_number(value):
        return value.translate(APART)
    return value
