"""querytower search: ask an index from the command line."""

import json
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from infra.cli.commands.options import IndexName, ModelFolder, StoreUrl
from infra.cli.search_options import with_search_options

if TYPE_CHECKING:
    from handler.api.shapes import HitBody, SearchAnswer

SHOWN_CHARS = 240


@with_search_options
def search(
    query: Annotated[str, typer.Argument(help="What to search for.")],
    store: StoreUrl,
    name: IndexName = "default",
    model: ModelFolder = Path("model"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    **options: Any,
) -> None:
    """Print the best hits for QUERY."""
    from infra.cli.ask import ask

    body = ask({"query": query, **options}, store=store, name=name, model=model)
    if as_json:
        print(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        show(body)


def show(body: "SearchAnswer") -> None:
    """Print the hits and facets of an answer for people."""
    console = Console(highlight=False)
    if not body["hits"]:
        console.print("nothing found; try other words, or --mode semantic")
    if "corrected" in body:
        understood = _escape(body["corrected"]["query"])
        console.print(f"showing results for {understood}; --verbatim searches for what was typed")
    for rank, hit in enumerate(body["hits"], start=1):
        _show_hit(console, rank, hit)
    for name, counts in body.get("facets", {}).items():
        values = ", ".join(f"{_text(count['value'])} ({count['documents']})" for count in counts)
        console.print(f"[bold]{_escape(name)}[/bold]: {_escape(values)}")


def _show_hit(console: Console, rank: int, hit: "HitBody") -> None:
    title = _escape(hit.get("title") or hit.get("id", ""))
    details = _escape(" · ".join(_text(value) for value in hit.get("metadata", {}).values()))
    console.print(f"[bold]{rank:>2}. {title}[/bold]  [dim]{details}[/dim]")
    if "section" in hit:
        console.print(f"    [italic]{_escape(hit['section'])}[/italic]")
    console.print(f"    {_passage(hit)}")
    if "explanation" in hit:
        console.print(f"    [dim]{_escape(json.dumps(hit['explanation']))}[/dim]")


def _passage(hit: "HitBody") -> str:
    if "highlight" not in hit:
        passage = hit["passage"]["text"] if "passage" in hit else hit.get("text", "")
        return _escape(passage[:SHOWN_CHARS])
    marked = _escape(hit["highlight"])
    return unescape(marked.replace("<mark>", "[reverse]").replace("</mark>", "[/reverse]"))


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
