"""querytower status: is the service well?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.commands.options import AsJson, StoreUrl

if TYPE_CHECKING:
    from infra.status.report import Status

Logs = Annotated[
    list[str] | None,
    typer.Option(help="Log of the functions: a file, a folder, or - for standard input."),
]
HtmlFile = Annotated[
    Path | None, typer.Option("--html", dir_okay=False, help="Write the report as a page.")
]
StaleHours = Annotated[
    float, typer.Option(help="Report an index that was not published for so long; 0 never.", min=0)
]


def status(
    store: StoreUrl,
    logs: Logs = None,
    stale_hours: StaleHours = 0.0,
    html: HtmlFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the state of every index, and of the traffic if logs are given.

    The exit code is 1 if something needs attention.
    """
    from infra.cli.as_json import print_json
    from infra.status.logs import read_events
    from infra.status.report import Status
    from infra.status.state import index_states
    from infra.status.traffic import Traffic

    traffic = Traffic.of(read_events(logs)) if logs else None
    found = Status(store, index_states(store, stale_hours=stale_hours), traffic)
    if html:
        html.write_text(found.to_html(), "utf-8")
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found)
    raise typer.Exit(1 if found.problems else 0)


def _show(found: "Status") -> None:
    from rich.console import Console
    from rich.table import Table

    from infra.status.report import INDEX_COLUMNS

    console = Console(highlight=False, soft_wrap=True)
    style = "bold red" if found.problems else "bold green"
    console.print(found.verdict, style=style)
    for problem in found.problems:
        console.print(f"- {problem}", markup=False)
    table = Table(*INDEX_COLUMNS)
    for row in found.index_rows():
        table.add_row(*row)
    console.print(table)
    for name, value in found.traffic_rows():
        console.print(f"{name}: {value}", markup=False)
