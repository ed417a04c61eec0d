"""The report as one HTML page, with bars, that loads nothing and runs nothing."""

from collections.abc import Sequence
from typing import Any

from handler.markup import Html
from infra.insights.tables import Table
from infra.markup import PLAIN_STYLE, element, page

STYLE = PLAIN_STYLE + (
    "td.chart { width: 40%; } "
    "td.chart i { background: var(--good); display: block; height: .7rem; }"
)


def render(summary: str, tables: Sequence[Table]) -> str:
    """Return the report as the text of an HTML file."""
    sections = [part for table in tables for part in _section(table)]
    body = element("body", element("h1", "Searches"), element("p", summary), *sections)
    return page("querytower: insights", STYLE, body)


def _section(table: Table) -> list[Html]:
    title = element("h2", table.title)
    if not table.rows:
        return [title, element("p", "None.")]
    head = element("tr", *(element("th", name) for name in _head(table)))
    top = max((_number(row[table.drawn]) for row in table.rows), default=0) if table.drawn else 0
    rows = [_row(table, row, top) for row in table.rows]
    return [title, element("table", head, *rows)]


def _head(table: Table) -> list[str]:
    return [*table.columns, *([""] if table.drawn else [])]


def _row(table: Table, row: Sequence[Any], top: float) -> Html:
    cells = [element("td", "" if cell is None else str(cell)) for cell in row]
    if table.drawn:
        share = _number(row[table.drawn]) / top if top else 0
        bar = element("i", style=f"width:{100 * share:.1f}%")
        cells.append(element("td", bar, class_="chart"))
    return element("tr", *cells)


def _number(value: Any) -> float:
    return float(value or 0)
