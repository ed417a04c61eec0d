"""Types of metadata fields, inferred over the whole corpus, and values converted to them.

Texts that spell numbers, truth values or dates become such if nearly all values of the field do.
Values that then don't fit are dropped and counted.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from handler.corpus.dates import date_form, iso_date
from handler.corpus.document import Value
from handler.corpus.schema import MAX_FIELDS, MAX_STRING_CHARS, Field, FieldKind, Schema, is_date

NEARLY_ALL = 0.95
FEW = 0.005
MAX_FORM_CHARS = 40
"""Longer texts are neither numbers nor dates."""
MAX_PLAIN_DIGITS = 18
"""So many digits fit in 64 bits for sure."""

NUMBER = re.compile(
    r"(?P<sign>[-+−]?)(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<part>\.\d+)?(?P<power>[eE][-+]?\d{1,2})?",
    re.ASCII,
)
YES = {"true", "yes", "ja", "wahr", "oui", "vrai", "sí", "y"}
NO = {"false", "no", "nein", "falsch", "non", "faux", "n"}
# Words in a name whose numbers are labels: nobody adds them up, and their length matters.
LABELS = re.compile(
    r"(?:^|[^a-z])(?:id|ids|isbn\d*|issn|asin|ean|gtin|upc|sku|doi|plz|zip|zipcode|postal|postcode|postleitzahl"
    r"|phone|tel|telefon|fax|code|nr|nummer|iban|bic|vat|siret|siren|ref)(?:$|[^a-z])"
)
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")

Scalar = str | int | float | bool
Convert = Callable[[Scalar], Scalar | None]


@dataclass(slots=True)
class Loss:
    """How many values of a field did not fit its type, and the first of them."""

    count: int
    example: str


@dataclass(slots=True)
class Seen:
    """What was seen of a field: documents that have it, whether in lists, and its values by form."""

    documents: int = 0
    list: bool = False
    forms: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(slots=True, kw_only=True)
class Inference:
    """Sees all metadata once, then knows the type of each field.

    `forced` are types the user gave. Fields beyond `most` are not looked at; `left_out` is the first.
    """

    forced: Mapping[str, str] = field(default_factory=dict)
    most: int = MAX_FIELDS
    seen: dict[str, Seen] = field(default_factory=dict)
    left_out: str = ""

    def observe(self, metadata: Mapping[str, Value]) -> None:
        """Note the values of one more document."""
        seen = self.seen
        value: Any
        for name, value in metadata.items():
            found = seen.get(name)
            if found is None:
                if len(seen) >= self.most:
                    self.left_out = self.left_out or name
                    continue
                found = seen[name] = Seen()
            found.documents += 1
            forms = found.forms
            kind = type(value)
            if kind is str:
                size = len(value)
                if size <= MAX_PLAIN_DIGITS and value.isdigit() and value.isascii():
                    forms["'code'" if size > 1 and value[0] == "0" else "'integer'"] += 1
                else:
                    forms[_text_form(value) if size <= MAX_FORM_CHARS else _long_form(value)] += 1
            elif kind is list:
                found.list = True
                # Texts in lists stay texts, and are not mixed with numbers.
                if type(value[0]) is str:
                    forms["'string'"] += len(value)
                else:
                    for item in value:
                        forms[form(item)] += 1
            else:
                forms[form(value)] += 1

    def target(self, name: str) -> str:
        """Return what the values of a field become: a kind, a form of dates, or nothing."""
        if name in self.forced:
            return self.forced[name]
        if self.seen[name].list:
            return _list_target(self.seen[name].forms)
        return _target(name, Counter(self.seen[name].forms))

    def targets(self) -> dict[str, str]:
        """Return the targets of all fields whose values have to change, or may have to."""
        return {name: target for name in self.seen if (target := self.target(name))}


def form(value: Scalar) -> str:
    """Return the form of a value: its kind, for texts in quotes what they may be read as."""
    if isinstance(value, str):
        return _text_form(value) if len(value) <= MAX_FORM_CHARS else _long_form(value)
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "float"


def converter(target: str) -> Convert:
    """Return the function that makes a value fit; it returns None for one that can't."""
    simple: dict[str, Convert] = {
        "integer": _integer,
        "float": _float,
        "boolean": _boolean,
        "string": _string,
        "text": _string,
    }
    return simple.get(target) or partial(_date, form=target)


def converted(value: Value, to: Convert) -> Value | None:
    """Return a value, or the values of a list, converted; None if nothing is left."""
    if not isinstance(value, list):
        return to(value)
    kept: Any = [new for item in value if (new := to(item)) is not None]
    return kept or None


def kind_of(forms: Iterable[str], target: str) -> FieldKind:
    """Return the kind of a field whose values have these forms and are converted to the target."""
    if target in ("integer", "float", "boolean"):
        return target  # type: ignore[return-value]
    if target == "" and set(forms) == {"'date'"}:
        return "date"
    if "'text'" in forms or target == "text":
        return "text"
    if target.startswith("date"):
        return "date"
    if target == "string":
        return "string"
    kinds = {each if each in ("integer", "float", "boolean") else "string" for each in forms}
    if kinds == {"integer", "float"}:
        return "float"
    return kinds.pop() if len(kinds) == 1 else "string"  # type: ignore[return-value]


def schema_of(inference: Inference, dropped: Mapping[str, Loss]) -> Schema:
    """Return the schema: kinds, and how many documents have a value that was not `dropped`."""
    schema: Schema = {}
    for name, seen in inference.seen.items():
        target = inference.target(name)
        documents = seen.documents - (dropped[name].count if name in dropped else 0)
        if documents:
            schema[name] = Field(kind_of(seen.forms, target), seen.list, documents)
    return schema


@lru_cache(maxsize=20_000)
def _text_form(text: str) -> str:
    first = text[0]
    if first.isdigit() or first in "+-−":
        if match := NUMBER.fullmatch(text):
            return _number_form(match)
    elif len(text) <= 6 and text.lower() in YES | NO:
        return "'boolean'"
    return date_form(text) or "'string'"


def _number_form(match: re.Match[str]) -> str:
    whole = match["whole"].replace(",", "")
    if (len(whole) > 1 and whole.startswith("0")) or match["sign"] == "+":
        return "'code'"
    if match["part"] or match["power"]:
        return "'float'"
    return "'integer'" if len(whole) <= MAX_PLAIN_DIGITS else "'large'"


def _long_form(text: str) -> str:
    return "'string'" if len(text) <= MAX_STRING_CHARS else "'text'"


def _list_target(forms: Iterable[str]) -> str:
    """Return the target of lists: texts in them stay texts, and make the whole field one of texts."""
    kinds = {"text" if each.startswith("'") else each for each in forms}
    if kinds == {"integer", "float"}:
        return "float"
    return "string" if len(kinds) > 1 else ""


def _target(name: str, forms: Counter[str]) -> str:
    """Return what the values of a field become, see `Inference.target`."""
    texts = sum(count for each, count in forms.items() if each.startswith("'"))
    if not texts:
        return "float" if forms["integer"] and forms["float"] else ""
    total = forms.total()
    plain = forms["integer"] + forms["float"]
    numbers = plain + forms["'integer'"] + forms["'float'"] + forms["'large'"]
    label = plain == 0 and LABELS.search(CAMEL.sub(" ", name).lower())
    if numbers >= NEARLY_ALL * total and not label and forms["'code'"] <= FEW * total:
        if forms["'large'"] > total / 2:
            return "string"
        exact = not (forms["float"] or forms["'float'"] or forms["'large'"])
        return "integer" if exact else "float"
    if forms["boolean"] + forms["'boolean'"] >= NEARLY_ALL * total:
        return "boolean"
    dates = Counter({each: count for each, count in forms.items() if each.startswith("'date")})
    if dates.total() >= NEARLY_ALL * total:
        return _date_target(dates)
    return "string" if texts < total else ""


def _date_target(dates: Counter[str]) -> str:
    """Return the form of nearly all dates; day and month that may be swapped follow those that can't."""
    told = Counter({each: count for each, count in dates.items() if each != "'date:?'"})
    if not told:
        return "date:dmy"
    best, count = told.most_common(1)[0]
    mixed = count + dates["'date:?'"] < dates.total()
    return "date" if mixed and dates["'date'"] else best.strip("'")


def _integer(value: Scalar) -> int | None:
    if (
        type(value) is str
        and value.isascii()
        and value.isdigit()
        and len(value) <= MAX_PLAIN_DIGITS
    ):
        return int(value)
    number = _float(value)
    if number is None or number != int(number):
        return None
    exact = int(value) if isinstance(value, int) else None
    if isinstance(value, str) and value.lstrip("-").isdigit():
        exact = int(value)
    result = int(number) if exact is None else exact
    return result if -(2**63) <= result < 2**63 else None


def _float(value: Scalar) -> float | None:
    if isinstance(value, str):
        if value.isascii() and value.replace(".", "", 1).isdigit():
            return float(value)
        if not NUMBER.fullmatch(value):
            return None
        value = float(value.replace(",", "").replace("−", "-"))
    number = float(value)
    return number if abs(number) < float("inf") else None


def _boolean(value: Scalar) -> bool | None:
    if isinstance(value, str):
        word = value.lower()
        return True if word in YES | {"1"} else False if word in NO | {"0"} else None
    return bool(value) if value in (0, 1) else None


def _string(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _date(value: Scalar, form: str) -> str | None:
    text = str(value)
    return text if is_date(text) else iso_date(text, form.partition(":")[2])
