"""Names that the words of a text don't show: with symbols, joined of parts, or written together."""

import re
from collections.abc import Iterator

from handler.index.analysis import UNSPACED

MAX_NAME_CHARS = 40
QUOTE_MARKS = str.maketrans({"’": "'", "′": "'", "”": '"', "″": '"'})

# C++ C# F# Notepad++, .NET, §5, 5'10", 7"
SYMBOLS = re.compile(
    r"""(?<![^\W_]) [^\W_]{1,20}+ (?:\+\+|[+#](?![\w+#]))
      | (?<![\w.]) \.[^\W\d_]\w*
      | §\s?\d+\w*
      | (?<!\w) \d+\s?['’′]\s?\d+ (?:["”″]|(?!\w))
      | (?<!\w) \d+(?:\.\d+)?["”″] (?!\w)""",
    re.VERBOSE,
)
# Spider-Man, e-mail, 978-3-16-148410-0, AC/DC, O'Reilly, AT&T, os.path, J.R.R.
COMPOUND = re.compile(
    r"(?<![^\W_])[^\W_]++(?:(?:[-_./:#@+&‐‑]|(?<=[^\W\d_])['’](?!s\b)(?=[^\W\d_]))[^\W_]++)+"
)
# AT & T
SPACED_AND = re.compile(r"(?<![^\W_])[^\W_]++(?:\s&\s[^\W_]++)+")
# rock 'n' roll
AND_BETWEEN = re.compile(r"(?<![^\W_])[^\W_]++\s?['’]n['’]?\s?[^\W_]++", re.I)
# 978 3 16 148410 0, 555 123 4567: too long for a list of numbers that mean something alone.
NUMBER_GROUPS = re.compile(r"(?<![\w.,-])\d{1,7}(?: \d{1,7}){1,5}(?: ?[xX])?(?![\w.,-])")
# c sharp, c plus plus, dot net
SPOKEN = re.compile(
    r"\b(?:(?P<letter>[a-z]) ?(?P<sign>sharp|plus ?plus)|dot ?(?P<net>net))\b", re.I
)
SIGNS = {"sharp": "#", "plusplus": "++"}
# J. R. R. and U. S. A.
INITIALS = re.compile(r"(?<![^\W_])[^\W\d_]\.(?:\s?[^\W\d_]\.)+")
JOINED = (COMPOUND, INITIALS, SPACED_AND, AND_BETWEEN, NUMBER_GROUPS)
SEPARATORS = re.compile(r"[\W_]+")
# getUserName and HTTPServer, but neither iPhone nor mRNA, whose parts are no words.
CAMEL = re.compile(r"(?<![^\W_])(?:[A-Z]{2,}(?=[A-Z][a-z]{2})|[A-Z]?[a-z]+(?=[A-Z]))[A-Za-z]+")
CAMEL_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
MIN_PART = 2
# Shorter numbers are decimals, times and scores, whose digits together mean nothing.
MIN_DIGITS = 7


def symbol_names(text: str) -> list[str]:
    """Return the names in `text` that have symbols: C++, .NET, §5, 5'10"."""
    names = ("".join(match[0].split()) for match in SYMBOLS.finditer(text))
    return [_height(name.translate(QUOTE_MARKS)) for name in names]


def spoken_names(text: str) -> list[str]:
    """Return the names with symbols that `text` has in words: c sharp, c plus plus, dot net."""
    found = SPOKEN.finditer(text)
    return [
        ".net" if match["net"] else match["letter"] + SIGNS[match["sign"].lower().replace(" ", "")]
        for match in found
    ]


def joined_names(text: str) -> list[str]:
    """Return the compounds and initials in `text`, written as one: spiderman, acdc, jrr."""
    found = [each for form in JOINED for each in form.finditer(text)]
    names = (SEPARATORS.sub("", match[0]) for match in found)
    return [
        name
        for name in names
        if len(name) <= MAX_NAME_CHARS and not (name.isdigit() and len(name) < MIN_DIGITS)
    ]


def name_spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and the name as it is indexed, but for case, of each name in `text`."""
    for match in SYMBOLS.finditer(text):
        yield match.start(), match.end(), symbol_names(match[0])[0].lower()
    for match in (each for form in JOINED for each in form.finditer(text)):
        yield match.start(), match.end(), SEPARATORS.sub("", match[0])


def camel_parts(text: str) -> list[str]:
    """Return the words inside names such as getUserName and HTTPServer, in their order."""
    return [part for match in CAMEL.finditer(text) for part in _parts(match[0])]


def single_characters(text: str) -> Iterator[str]:
    """Yield each character of runs of a script without spaces, which are indexed as pairs."""
    if not text.isascii():
        for run in UNSPACED.finditer(text):
            yield from run[0]


def indexed_names(text: str) -> str:
    """Return all names of a text, separated by spaces."""
    return " ".join([*symbol_names(text), *joined_names(text), *single_characters(text)])


def _height(name: str) -> str:
    """Return 5'10" without the sign for inches, which people leave out."""
    return name.rstrip('"') if "'" in name else name


def _parts(name: str) -> list[str]:
    parts = CAMEL_PART.findall(name)
    return parts if all(len(part) >= MIN_PART for part in parts) else []
