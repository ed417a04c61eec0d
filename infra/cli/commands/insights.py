"""querytower insights: what people search for, find and choose."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.commands.options import AsJson

if TYPE_CHECKING:
    from infra.insights.tables import Table

Sources = Annotated[
    list[str],
    typer.Argument(
        help="Log of the function or events of the store: files, folders, - for standard input."
    ),
]


def insights(
    logs: Sources,
    most: Annotated[int, typer.Option(min=1, help="Rows in each table.")] = 10,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the report as a page.")
    ] = None,
    golden: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Propose golden queries from clicks in this folder."),
    ] = None,
    min_choices: Annotated[
        int, typer.Option(min=1, help="Least clicks and adds for a golden judgment.")
    ] = 2,
) -> None:
    """Tell what the log knows of searches: popular, failing and slow queries, clicks, documents.

    Queries are in the log where QUERYTOWER_LOG_QUERIES was on, clicks where QUERYTOWER_EVENTS was.
    """
    from infra.cli.as_json import print_json
    from infra.insights.analysis import Insights
    from infra.insights.golden import propose
    from infra.insights.page import render
    from infra.insights.tables import tables
    from infra.status.logs import read_events

    found = Insights.of(read_events(logs))
    shown = tables(found, most)
    events = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.events.items()))
    summary = (
        f"{found.requests:,} searches, {len(found.queries):,} queries; events: {events or 'none'}"
    )
    if html:
        html.write_text(render(summary, shown), "utf-8")
    if as_json:
        counts = {"searches": found.requests, "events": dict(found.events)}
        print_json(counts | {table.name: table.records() for table in shown})
    else:
        _show(summary, shown)
    if golden:
        count = propose(found, golden, min_choices)
        typer.echo(f"{count} golden queries proposed in {golden}; read and correct them", err=True)


def _show(summary: str, tables: "list[Table]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as RichTable

    console = Console(highlight=False)
    console.print(escape(summary))
    for each in tables:
        if not each.rows:
            continue
        table = RichTable(title=each.title, title_justify="left")
        for name in each.columns:
            table.add_column(name)
        for row in each.rows:
            table.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
        console.print(table)
