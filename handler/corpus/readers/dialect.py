"""How a table is written as text: delimiter, quotes, and where its header is.

Python's csv.Sniffer looks for regular distances between characters and often takes letters for
delimiters; here each dialect is tried on the first rows, and the one that makes a table wins.
"""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 200
MAX_ROWS_ABOVE = 5
# Excel writes it, and honours it, in front of the header.
SEPARATOR_LINE = re.compile(r"\A\ufeff?\"?sep=(.)\"?\r?\n", re.IGNORECASE)
SINGLE_QUOTED = re.compile(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n]|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a table is written, and how sure that is.

    `skip` counts rows above the header, `columns` those of most rows. `share` says how many of the
    rows have as many.
    """

    delimiter: str
    quote: str = '"'
    escape: str | None = None
    skip: int = 0
    columns: int = 1
    rows: int = 0
    share: float = 0.0
    header: tuple[str, ...] = ()

    def options(self) -> dict[str, object]:
        """Return the options for csv.reader."""
        options: dict[str, object] = {"delimiter": self.delimiter, "strict": True}
        if not self.quote:
            return options | {"quoting": csv.QUOTE_NONE}
        return options | {"quotechar": self.quote, "escapechar": self.escape}


def find_dialect(text: str, *, whole: bool, hint: str = "") -> Dialect:
    """Return the dialect that makes the best table of a file's beginning.

    Args:
        text: the first characters.
        whole: whether they are all; otherwise the last row is cut off.
        hint: the delimiter that the file's ending promises, where the rows leave a doubt.
    """
    if match := SEPARATOR_LINE.match(text):
        return _tried(text[match.end() :], Dialect(delimiter=match[1], skip=1), whole)
    text = text.removeprefix("\ufeff")
    single = len(SINGLE_QUOTED.findall(text)) > text.count('"')
    quote = "'" if single else '"'
    escape = "\\" if f"\\{quote}" in text else None
    styles = [Dialect(delimiter=each, quote=quote, escape=escape) for each in DELIMITERS]
    styles += [Dialect(delimiter="\t", quote="")]
    tried = [_tried(text, style, whole) for style in styles]
    # A .csv may have any delimiter; a .tsv has tabs if they make a table.
    sure = hint.strip(",")
    best = max(
        tried,
        key=lambda each: (
            each.columns > 1,
            round(each.share, 1),
            each.delimiter == sure,
            each.columns,
        ),
    )
    if best.columns == 1:
        return next((each for each in tried if each.delimiter == (hint or ",")), best)
    return best


def _tried(text: str, style: Dialect, whole: bool) -> Dialect:
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), **style.options())  # type: ignore[arg-type]
    faults = 0
    while len(rows) < SAMPLE_ROWS:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error:
            faults += 1
            continue
        if any(row):
            rows.append(row)
    if not whole and len(rows) > 1:
        rows.pop()
    if not rows:
        return style
    widths = Counter(map(len, rows))
    columns = max(widths, key=lambda width: (widths[width] * (width > 1), width))
    top = _header_row(rows, columns)
    return Dialect(
        delimiter=style.delimiter,
        quote=style.quote,
        escape=style.escape,
        skip=style.skip + top,
        columns=columns,
        rows=len(rows) - top,
        share=widths[columns] / (len(rows) + faults),
        header=tuple(cell.strip() for cell in rows[top]),
    )


def _header_row(rows: list[list[str]], columns: int) -> int:
    """Return which row is the header: the first, unless there is a title above the table."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[: MAX_ROWS_ABOVE + 1]]
    if columns == 1 or (len(rows[0]) == columns and 2 * filled[0] > columns):
        return 0
    return next(
        (
            number
            for number, row in enumerate(rows[: len(filled)])
            if len(row) == columns and filled[number] == max(filled)
        ),
        0,
    )
