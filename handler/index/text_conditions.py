"""Conditions on documents as queries of the text index."""

from collections.abc import Sequence
from typing import Any

from tantivy import FieldType, Occur, Query

from handler.corpus.schema import Schema
from handler.index.engine import Bounded, Pattern
from handler.index.patterns import ANYTHING, pattern
from handler.index.text_index import TextIndex
from handler.index.text_writer import field_name

RANGE_TYPES = {
    "integer": FieldType.Integer,
    "float": FieldType.Float,
    "date": FieldType.Integer,
}


class TextConditions:
    """Makes Tantivy's queries; the contracts of the methods are those of `Conditions`."""

    def __init__(self, schema: Schema, text: TextIndex) -> None:
        """Take the schema of the metadata, and the text index."""
        self._schema = schema
        self._text = text
        self._fields = text.fields

    def everything(self) -> Query:
        """Match all documents."""
        return Query.all_query()

    def nothing(self) -> Query:
        """Match no document."""
        return Query.empty_query()

    def all_of(self, parts: Sequence[Query]) -> Query:
        """Match what matches all `parts`."""
        return _joined(parts, Occur.Must)

    def any_of(self, parts: Sequence[Query]) -> Query:
        """Match what matches one of `parts`."""
        return _joined(parts, Occur.Should)

    def none_of(self, part: Query) -> Query:
        """Match what does not match `part`."""
        return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, part)])

    def equal(self, name: str, value: Any) -> Query:
        """Match a value, alone or in a list."""
        return Query.term_query(self._fields, field_name(self._schema, name), value)

    def bounded(self, name: str, operator: Bounded, value: float) -> Query:
        """Match numbers and dates on one side of a value."""
        above, inclusive = operator in ("$gt", "$gte"), operator in ("$gte", "$lte")
        lower, upper = (value, None) if above else (None, value)
        kind = RANGE_TYPES[self._schema[name].kind]
        key = field_name(self._schema, name)
        return Query.range_query(
            self._fields, key, kind, lower, upper, inclusive or not above, inclusive or above
        )

    def like(self, name: str, operator: Pattern, text: str) -> Query:
        """Match strings that begin with a text, contain it, or are equal but for their case."""
        expression = pattern(
            text,
            before=ANYTHING if operator == "$contains" else "",
            after="" if operator == "$ieq" else ANYTHING,
            fold=operator == "$ieq",
        )
        return Query.regex_query(self._fields, field_name(self._schema, name), expression)

    def exists(self, name: str) -> Query:
        """Match documents that have the field."""
        return Query.exists_query(field_name(self._schema, name))

    def ids(self, ids: Sequence[str]) -> Query:
        """Match documents by their ids."""
        return Query.term_set_query(self._fields, "id", list(ids))

    def phrase(self, text: str) -> Query | None:
        """Match the words of `text` side by side."""
        return self._text.phrase(text)

    def words_in(self, name: str, text: str) -> Query | None:
        """Match the words of `text` in a field."""
        return self._text.value(self._schema, name, text)


def _joined(parts: Sequence[Query], occur: Occur) -> Query:
    if len(parts) == 1:
        return parts[0]
    return Query.boolean_query([(occur, part) for part in parts])
