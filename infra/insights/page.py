"""The report as one HTML page, with bars, that loads nothing and runs nothing."""

from collections.abc import Sequence
from typing import Any

from handler.markup import Html
from infra.evaluation.markup import element
from infra.insights.tables import Table

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --bar: #0a6b4f; --line: #8885; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2.5rem auto; max-width: 56rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; } th { font-weight: 500; opacity: .7; }
td, th { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left; }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
td.chart { width: 40%; } td.chart i { background: var(--bar); display: block; height: .7rem; }
"""


def render(summary: str, tables: Sequence[Table]) -> str:
    """Return the report as the text of an HTML file."""
    sections = [part for table in tables for part in _section(table)]
    body = element("body", element("h1", "Searches"), element("p", summary), *sections)
    head = element(
        "head",
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("title", "querytower: insights"),
        element("style", Html(STYLE)),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


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
