"""The filters of the search page: those on offer, and those in force."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from handler.corpus.schema import FieldKind, Schema
from handler.index.engine import FacetCount
from handler.markup import NOTHING, Html, flag, joined
from handler.page.facts import fields_shown, shown
from handler.page.page_state import OWN, PageState, field_of
from handler.page.templates import part
from handler.settings import Settings

# Values of a field that are shown at first; a fold holds the rest.
CHIPS = 8
# Fields filtered by a range, and the types of their inputs.
INPUTS: Mapping[FieldKind, str] = {"integer": "number", "float": "number", "date": "date"}


def filter_fields(settings: Settings, schema: Schema) -> Schema:
    """Return the fields that the page filters by.

    They are those it shows, without long text, and without names that the page's URL uses.
    """
    names = [name for name in fields_shown(settings) or schema if name in schema]
    usable = [name for name in names if name not in OWN and name == field_of(name)]
    return {name: schema[name] for name in usable if schema[name].kind != "text"}


def rail(asked: PageState, fields: Schema, counts: Mapping[str, Sequence[FacetCount]]) -> Html:
    """Return the filters on offer: chips for frequent values, ranges for numbers and dates."""
    telling = [name for name in counts if _is_worthwhile(asked, name, counts[name])]
    telling.sort(key=lambda name: -_found(counts[name]))
    groups = [_facet(asked, name, counts[name]) for name in telling]
    ranges = [name for name, field in fields.items() if field.kind in INPUTS]
    groups += [_range(asked, name, INPUTS[fields[name].kind]) for name in ranges]
    count = f" ({len(asked.filters)})" if asked.filters else ""
    return part("rail", groups=joined(groups), count=count) if groups else NOTHING


def _is_worthwhile(asked: PageState, name: str, values: Sequence[FacetCount]) -> bool:
    """Tell whether to offer a field: it has few, shared values, or its first ones are frequent."""
    few = len(values) <= CHIPS and any(count.documents > 1 for count in values)
    return bool(asked.values(name)) or few or _found(values) >= 3 * CHIPS


def _found(values: Sequence[FacetCount]) -> int:
    return sum(count.documents for count in values[:CHIPS])


def _facet(asked: PageState, name: str, values: Sequence[FacetCount]) -> Html:
    ticked = asked.values(name)
    counts = dict.fromkeys(ticked, "")
    counts |= {shown(count.value): f"{count.documents:,}" for count in values}
    chips = [_chip(name, value, count, value in ticked) for value, count in counts.items()]
    visible = max(CHIPS, len(ticked))
    few, rest = chips[:visible], chips[visible:]
    more = NOTHING
    if rest:
        more = part("more", id=f"more-{quote(name)}", count=len(rest), chips=joined(rest))
    return part("facet", name=name, chips=joined(few), more=more)


def _chip(name: str, value: str, count: str, ticked: bool) -> Html:
    return part(
        "chip",
        id=f"{quote(name)}={quote(value)}",
        name=name,
        value=value,
        count=count,
        checked=flag("checked", ticked),
    )


def _range(asked: PageState, name: str, kind: str) -> Html:
    low, high = (next(iter(asked.values(name + sign)), "") for sign in "><")
    return part("range", id=quote(name), name=name, type=kind, low=low, high=high)


def chosen(asked: PageState) -> Html:
    """Return the filters in force, each as a link that removes it."""
    chips = []
    for at, (name, value) in enumerate(asked.filters):
        href = asked.link(filters=asked.filters[:at] + asked.filters[at + 1 :])
        chips.append(part("chosen-chip", href=href, text=_in_words(name, value)))
    return part("chosen", chips=joined(chips)) if chips else NOTHING


def _in_words(parameter: str, value: str) -> str:
    words = {">": "from ", "<": "to ", "!": "not "}
    sign = parameter[-1:]
    return f"{field_of(parameter)} {words[sign]}{value}" if sign in words else value
