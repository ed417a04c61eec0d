"""querytower search: ask an index from the command line."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from infra.cli.commands.options import IndexName, ModelFolder, StoreUrl


def search(
    query: Annotated[str, typer.Argument(help="What to search for.")],
    store: StoreUrl,
    name: IndexName = "default",
    model: ModelFolder = Path("model"),
    k: Annotated[int, typer.Option("--k", "-k", help="Number of hits.")] = 10,
    offset: Annotated[int, typer.Option(help="Hits to skip.")] = 0,
    mode: Annotated[str, typer.Option(help="hybrid, semantic or keyword.")] = "hybrid",
    filter_: Annotated[
        str, typer.Option("--filter", help='JSON, such as {"year": {"$gte": 1990}}.')
    ] = "",
    explain: Annotated[bool, typer.Option(help="Show how the scores came about.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Print the best hits for QUERY."""
    from infra.cli.ask import ask

    body = ask(
        {"query": query, "k": k, "offset": offset, "mode": mode, "explain": explain},
        filter_,
        store=store,
        name=name,
        model=model,
    )
    if as_json:
        print(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        show(body)


def show(body: dict[str, Any]) -> None:
    """Print the hits of an answer for people."""
    console = Console(highlight=False)
    if not body["hits"]:
        console.print("nothing found; try other words, or --mode semantic")
    for rank, hit in enumerate(body["hits"], start=1):
        details = " · ".join(_text(value) for value in hit["metadata"].values())
        console.print(
            f"[bold]{rank:>2}. {_escape(hit['title'] or hit['id'])}[/bold]  [dim]{_escape(details)}[/dim]"
        )
        console.print(f"    {_escape(hit['passage']['text'][:240])}")
        if "explanation" in hit:
            console.print(f"    [dim]{_escape(json.dumps(hit['explanation']))}[/dim]")


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
