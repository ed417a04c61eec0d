"""Conditions on documents as SQL for Lance's filters, and as words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lance.query import FullTextOperator, FullTextQuery, MatchQuery, PhraseQuery

from handler.corpus.schema import Schema
from handler.errors import InvalidRequest
from handler.index.analysis import spaced
from handler.index.engine import Bounded, Pattern
from handler.index.text_writer import field_name
from handler.index.words import Words

LEAST = -(2**63)
SIGNS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


@dataclass(frozen=True, slots=True)
class Where:
    """What documents must match: SQL, which may be empty, words they must have, and must not."""

    sql: str = ""
    having: tuple[FullTextQuery, ...] = ()
    lacking: tuple[FullTextQuery, ...] = ()

    @property
    def by_words(self) -> bool:
        """Whether the dataset of passages, which has no words, can't tell."""
        return bool(self.having or self.lacking)


class LanceConditions:
    """Makes conditions; the contracts of the methods are those of `Conditions`."""

    def __init__(self, schema: Schema, words: Words) -> None:
        """Take the schema of the metadata, and what makes stems."""
        self._schema = schema
        self._words = words

    def everything(self) -> Where:
        """Match all documents."""
        return Where("true")

    def nothing(self) -> Where:
        """Match no document."""
        return Where("false")

    def all_of(self, parts: Sequence[Where]) -> Where:
        """Match what matches all `parts`."""
        return Where(
            " AND ".join(f"({each.sql})" for each in parts if each.sql),
            tuple(each for part in parts for each in part.having),
            tuple(each for part in parts for each in part.lacking),
        )

    def any_of(self, parts: Sequence[Where]) -> Where:
        """Match what matches one of `parts`."""
        if len(parts) == 1:
            return parts[0]
        _no_words(parts, "OR between words or phrases")
        return Where(" OR ".join(f"({each.sql})" for each in parts))

    def none_of(self, part: Where) -> Where:
        """Match what does not match `part`; a value that is missing matches nothing."""
        if len(part.having) == 1 and not part.sql and not part.lacking:
            return Where(lacking=part.having)
        _no_words([part], "NOT of several words")
        return Where(f"({part.sql}) IS NOT TRUE")

    def equal(self, name: str, value: Any) -> Where:
        """Match a value, alone or in a list."""
        if self._schema[name].list:
            return Where(f"array_has({self._column(name)}, {literal(value)})")
        return Where(f"{self._column(name)} = {literal(value)}")

    def bounded(self, name: str, operator: Bounded, value: float) -> Where:
        """Match numbers and dates on one side of a value."""
        column = self._column(name)
        if self._schema[name].list:
            column = f"{'array_max' if operator in ('$gt', '$gte') else 'array_min'}({column})"
        return Where(f"{column} {SIGNS[operator]} {literal(value)}")

    def like(self, name: str, operator: Pattern, text: str) -> Where:
        """Match strings that begin with a text, contain it, or are equal but for their case."""
        if self._schema[name].list:
            raise InvalidRequest(
                f"{operator} on {name!r}, a list, can't be asked of an index that Lance serves; "
                "use $eq or $in"
            )
        column = self._column(name)
        if operator == "$ieq":
            return Where(f"lower({column}) = lower({literal(text)})")
        function = "starts_with" if operator == "$startsWith" else "contains"
        return Where(f"{function}({column}, {literal(text)})")

    def exists(self, name: str) -> Where:
        """Match documents that have the field."""
        return Where(f"{self._column(name)} IS NOT NULL")

    def ids(self, ids: Sequence[str]) -> Where:
        """Match documents by their ids."""
        return Where(f"id IN ({', '.join(map(literal, ids))})")

    def phrase(self, text: str) -> Where | None:
        """Match the words of `text` side by side."""
        stems = self._words.words.analyze(spaced(text))
        if not stems:
            return None
        kind = PhraseQuery if len(stems) > 1 else MatchQuery
        return Where(having=(kind(" ".join(stems), "stems"),))

    def words_in(self, name: str, text: str) -> Where | None:
        """Match the words of `text` in the title, a text in a field, or an id."""
        if name == "id":
            return self.ids([text])
        if name in self._schema:
            return self.like(name, "$contains", text) if self._filterable(name) else None
        stems = self._words.words.analyze(spaced(text))
        if not stems:
            return None
        every = FullTextOperator.AND
        return Where(having=(MatchQuery(" ".join(stems), "title", operator=every),))

    def _filterable(self, name: str) -> bool:
        return self._schema[name].kind == "string" and not self._schema[name].list

    def _column(self, name: str) -> str:
        return field_name(self._schema, name)


def literal(value: Any) -> str:
    """Return a value as SQL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("'", "''")
        return f"'{escaped}'"
    if value == LEAST:
        return f"({LEAST + 1} - 1)"  # its digits alone are read as a float
    return repr(value)


def _no_words(parts: Sequence[Where], what: str) -> None:
    if any(part.by_words for part in parts):
        raise InvalidRequest(
            f"{what} can't be asked of an index that Lance serves; leave it out of the query"
        )
