"""What somebody typed, taken apart: words to search for, and conditions that each hit must meet."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from handler.errors import InvalidRequest
from handler.index.engine import Condition, Engine
from handler.search.filters import FilterCompiler

# A longer query is pasted text, in which nothing is syntax.
MAX_WORDS = 32
JOINS = ("AND", "OR")
# Fields of every document, beside those of its metadata.
OWN_FIELDS = ("title", "id")

MAYBE_SYNTAX = re.compile(r"[\"“”„«»:]|(?<!\S)-\S|(?<!\S)(?:NOT|AND|OR)(?!\S)")
# Nothing is excluded as a group, and half understood it would mean the opposite.
EXCLUDED_GROUP = re.compile(r"(?<!\S)(?:NOT\s*|-)\(")
TOKEN = re.compile(
    r"""(?P<open>[(\[{]*)  # as in (this OR that)
        (?P<minus>-(?=[^\W\d]|["“„«]))?
        (?:(?P<field>\w[\w.-]*):(?=\S))?
        (?:["“„«](?P<phrase>[^"“”„«»]*\w[^"“”„«»]*)["”“»]|(?P<word>\S+))""",
    re.VERBOSE,
)
COMPARED = re.compile(r"(?P<operator>[<>]=?)(?P<value>.+)")
BETWEEN = re.compile(r"(?P<least>[^.].*?)\.\.(?P<most>.*[^.])")
CLOSING = ")]},;"
OPERATORS = {">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """The words of a query, without its syntax, and the query for what each hit must meet."""

    text: str
    condition: Condition | None = None


@dataclass(slots=True, kw_only=True)
class _Token:
    """A word, a phrase, or a field with its value, from `start` to `end` in the text.

    `field` is the query for a field's value, where the index has the field and the value fits it.
    """

    start: int
    end: int
    value: str
    minus: bool
    quoted: bool
    field: Condition | None


def parse(text: str, index: Engine) -> ParsedQuery:
    """Take apart what somebody typed, which is never an error: what makes no sense is words.

    -word, -"phrase" and NOT word exclude; "phrase" must occur if little stands beside it;
    field:value filters by a field of the index; OR and AND join what stands beside them.
    A minus before a digit is part of a number.
    """
    plain = not MAYBE_SYNTAX.search(text) or EXCLUDED_GROUP.search(text)
    if plain or len(text.split()) > MAX_WORDS:
        return ParsedQuery(text)
    return _Parser(text, index).parsed()


class _Parser:
    """Reads one query from left to right."""

    def __init__(self, text: str, index: Engine) -> None:
        self._text = text
        self._index = index
        self._tokens = list(self._split())
        # Without lower case, capitals don't tell operators from words: TO BE OR NOT TO BE.
        self._capitals = text == text.upper()
        # The conditions, each a list of alternatives.
        self._groups: list[list[Condition]] = []
        self._cut: list[tuple[int, int]] = []

    def parsed(self) -> ParsedQuery:
        exact = self._exact()
        at, join = 0, ""
        while at < len(self._tokens):
            at, join = self._operand(at, join, exact)
        conditions = self._index.conditions
        parts = [conditions.any_of(group) for group in self._groups]
        return ParsedQuery(self._rest(), conditions.all_of(parts) if parts else None)

    def _split(self) -> Iterator[_Token]:
        for match in TOKEN.finditer(self._text):
            phrase, word, name = match.group("phrase", "word", "field")
            field = self._field(name, phrase or word.rstrip(CLOSING)) if name else None
            if phrase or field or not name:
                value, quoted = phrase or word, bool(phrase) and not field
            else:
                value, quoted = f"{name}:{word}", False
            yield _Token(
                start=match.end("open"),
                end=match.end(),
                value=value,
                minus=match["minus"] is not None,
                quoted=quoted,
                field=field,
            )

    def _operand(self, at: int, join: str, exact: bool) -> tuple[int, str]:
        """Read what begins at `at`, and return where the next begins and what joins the two."""
        token = self._tokens[at]
        excluded = token.minus
        if self._is("NOT", at) and self._names_something(at):
            self._cut.append((token.start, token.end))
            at, excluded = at + 1, True
            token = self._tokens[at]
        following = self._joined(at + 1)
        condition = token.field or self._words(token.value)
        required = excluded or token.field or join or following or (token.quoted and exact)
        if required and condition is not None:
            self._require(
                self._index.conditions.none_of(condition) if excluded else condition,
                alternative=join == "OR",
            )
            if excluded or token.field:
                self._cut.append((token.start, token.end))
        if following:
            self._cut.append((self._tokens[at + 1].start, self._tokens[at + 1].end))
            return at + 2, following
        return at + 1, ""

    def _require(self, condition: Condition, alternative: bool) -> None:
        if alternative and self._groups:
            self._groups[-1].append(condition)
        else:
            self._groups.append([condition])

    def _is(self, operator: str, at: int) -> bool:
        return (
            self._tokens[at].value == operator
            and not self._tokens[at].quoted
            and not self._capitals
        )

    def _joined(self, at: int) -> str:
        """Return the operator at `at`, if it stands between two things."""
        if at < len(self._tokens) and self._names_something(at + 1):
            return next((join for join in JOINS if self._is(join, at)), "")
        return ""

    def _names_something(self, at: int) -> bool:
        if at >= len(self._tokens) or any(self._is(join, at) for join in JOINS):
            return False
        token = self._tokens[at]
        if self._is("NOT", at):
            return self._names_something(at + 1)
        return token.field is not None or re.match(r"\w", token.value) is not None

    def _exact(self) -> bool:
        """Tell whether quoted phrases must occur: little or nothing stands beside them."""
        shown = [token for token in self._tokens if not token.minus and not token.field]
        inside = sum(len(token.value.split()) for token in shown if token.quoted)
        outside = sum(not token.quoted and token.value not in JOINS for token in shown)
        return outside <= max(1, inside // 2)

    def _words(self, text: str) -> Condition | None:
        return self._index.conditions.phrase(text)

    def _field(self, name: str, value: str) -> Condition | None:
        """Return the query for a field's value, or None where there is no such field or value."""
        conditions, schema = self._index.conditions, self._index.manifest.schema
        known = {each.lower(): each for each in (*OWN_FIELDS, *schema)}
        name = known.get(name.lower(), "")
        if not name:
            return None
        if name not in schema or schema[name].kind in ("string", "text"):
            return conditions.words_in(name, value)
        compiler = FilterCompiler(schema, conditions)
        try:
            return compiler.compile({name: _condition(value, schema[name].kind)})
        except InvalidRequest:
            return None

    def _rest(self) -> str:
        """Return the text without what was cut; what was cut of nothing is the text itself."""
        if not self._cut:
            return self._text
        ends = [0, *(end for _, end in self._cut)]
        starts = [*(start for start, _ in self._cut), len(self._text)]
        kept = [self._text[end:start] for end, start in zip(ends, starts, strict=True)]
        rest = " ".join("".join(kept).split())
        return rest if re.search(r"\w", rest) else ""


def _condition(value: str, kind: str) -> dict[str, object]:
    """Return the filter on a number, date or boolean: 1990, >=1990 or 1990..1999."""
    if match := BETWEEN.fullmatch(value):
        return {"$gte": _typed(match["least"], kind), "$lte": _typed(match["most"], kind)}
    if match := COMPARED.fullmatch(value):
        return {OPERATORS[match["operator"]]: _typed(match["value"], kind)}
    return {"$eq": _typed(value, kind)}


def _typed(value: str, kind: str) -> object:
    if kind == "boolean":
        return {"true": True, "false": False}.get(value.lower(), value)
    if kind == "date":
        return value
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return value
