"""Dates as people and programs write them, to ISO 8601."""

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

from handler.corpus.schema import is_date

# Day, month and year as numbers; the order of the first two is told by the numbers above 12.
NUMERIC = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[ T,]+(\d{1,2}:\d{2}(?::\d{2})?))?")
YEAR_FIRST = re.compile(r"(\d{4})([./])(\d{1,2})\2(\d{1,2})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?")
ZONE_APART = re.compile(
    r"(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?) ([+-]\d{2}:?\d{2}|UTC)"
)
MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b", re.IGNORECASE)
YEAR = re.compile(r"\b\d{4}\b")
# Month in English; RFC 2822, as in feeds and mails, is read by the standard library.
FORMATS = (
    *("%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y"),
    *("%d %B %Y", "%d-%b-%Y", "%b %d %Y", "%B %d %Y", "%A, %B %d, %Y", "%a, %b %d, %Y"),
)


def date_form(text: str) -> str:
    """Return the form of a text that is a date, or nothing.

    `'date'` leaves no doubt, `'date:dmy'` and `'date:mdy'` have day or month first, `'date:?'` one of them.
    """
    if len(text) < 8:
        return ""
    if is_date(text):
        return "'date'"
    if match := NUMERIC.fullmatch(text):
        first, second = int(match[1]), int(match[3])
        dotted = match[2] == "."
        order = "dmy" if first > 12 or dotted else "mdy" if second > 12 else "?"
        return f"'date:{order}'" if order == "?" or iso_date(text, order) else ""
    return "'date'" if iso_date(text, "") else ""


def iso_date(text: str, order: str) -> str | None:
    """Return a date in ISO 8601, or None; `order` is dmy or mdy and matters for numbers alone."""
    if match := NUMERIC.fullmatch(text):
        first, second = match[1], match[3]
        day, month = (second, first) if order == "mdy" else (first, second)
        return _checked(match[4], month, day, match[5])
    if match := YEAR_FIRST.fullmatch(text):
        return _checked(match[1], match[3], match[4], match[5])
    if match := ZONE_APART.fullmatch(text):
        joined = match[1] + match[2].replace("UTC", "Z")
        return joined if is_date(joined) else None
    return _worded(text) if MONTH.search(text) and YEAR.search(text) else None


def _checked(year: str, month: str, day: str, time: str | None) -> str | None:
    text = f"{int(year):04}-{int(month):02}-{int(day):02}"
    if time:
        text += f"T{time if len(time.partition(':')[0]) == 2 else '0' + time}"
    return text if is_date(text) else None


def _worded(text: str) -> str | None:
    for form in FORMATS:
        try:
            found = datetime.strptime(text, form)
        except ValueError:
            continue
        midnight = "%H" not in form
        return found.date().isoformat() if midnight else found.isoformat()
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, TypeError, IndexError):
        return None
