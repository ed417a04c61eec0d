"""What a person sees of a reindex, and of the versions of an index."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from handler.index.manifest import IndexManifest
from handler.log import metric
from handler.quality.compare import Difference
from handler.reindex.job import Outcome, Plan

SHOWN = 20
MIN_WIDTH = 140
SHORT = {"self_retrieval": "self", "recall@10": "recall", "ndcg@10": "nDCG"}
OUTCOMES = {
    "unchanged": "nothing has changed",
    "rolled back": "nothing was published: this very corpus was rolled back; change it, or use --force",
}


def tell(event: str, **fields: Any) -> None:
    """Write an event of a run to standard error."""
    details = ", ".join(f"{name} {value}" for name, value in fields.items())
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"{event.replace('_', ' ')}: {details}", markup=False
    )


def measure(event: str, values: dict[str, float], unit: str, **fields: Any) -> None:
    """Write metrics to standard output, unless a person looks at it."""
    if not sys.stdout.isatty():
        metric(event, values, unit, **fields)


def show_outcome(outcome: Outcome, store: str) -> None:
    """Say what a run came to."""
    console = _console()
    if outcome.kind != "published" or outcome.manifest is None:
        console.print(
            f"{OUTCOMES[outcome.kind]}; version {outcome.version or 'none'} stays current"
        )
        return
    manifest, drift = outcome.manifest, outcome.drift
    console.print(
        f"index [bold]{manifest.name}[/bold] in {escape(store)}: {manifest.documents:,} documents, "
        f"{outcome.encoded:,} encoded, version {manifest.version}"
    )
    if drift and drift.added is not None:
        console.print(
            f"since {drift.previous}: {drift.added:,} added, {drift.changed:,} changed, {drift.removed:,} removed"
        )
    for each in drift.distributions if drift else ():
        if each.psi is not None:
            console.print(f"{each.name}: {each.verdict} (PSI {each.psi:.3f})")
    if manifest.rejected:
        console.print(
            f"[yellow]{manifest.rejected:,} records were rejected[/yellow]; rejects.jsonl beside the version says why"
        )


def show_plan(plan: Plan) -> None:
    """Say what a run would do."""
    console = _console()
    console.print(
        f"{plan.documents:,} documents, {plan.encode:,} to encode, {plan.rejected:,} records rejected"
    )
    if plan.changes:
        _changes(console, plan.changes.added, plan.changes.changed, plan.changes.removed)


def show_versions(
    found: Sequence[IndexManifest], current: str, published: Mapping[str, str]
) -> None:
    """Show the versions of an index as a table, the newest first."""
    table = Table("version", "made (UTC)", "documents", "model", "quality", "MB", "")
    for column in table.columns:
        column.no_wrap = True
    for each in found:
        size = sum(entry.bytes for entry in each.files.values())
        table.add_row(
            each.version,
            f"{datetime.fromisoformat(each.created):%Y-%m-%d %H:%M}",
            f"{each.documents:,}",
            escape(each.model.rpartition("/")[2]),
            " ".join(
                f"{SHORT.get(name, name)} {value:.3f}" for name, value in each.quality.items()
            ),
            f"{size / 1e6:.1f}",
            _state(each, current, published),
        )
    console = Console(highlight=False)
    console.width = max(console.width, MIN_WIDTH)  # names are there to be copied, hence not cut
    console.print(table)
    for each in found:
        if each.failures:
            console.print(
                f"{each.version} failed: {escape('; '.join(each.failures))}", soft_wrap=True
            )


def show_difference(difference: Difference) -> None:
    """Show the documents and the queries that two versions differ in."""
    console = _console()
    documents = difference.documents
    _changes(console, documents.added, documents.changed, documents.removed)
    console.print(f"{documents.unchanged:,} documents are the same")
    if not difference.compared:
        console.print(
            "no golden queries were asked of both versions; put queries.jsonl into the index's folder golden"
        )
        return
    console.print(
        f"{len(difference.queries)} of {difference.compared} golden queries have other documents on top"
    )
    for each in difference.queries[:SHOWN]:
        console.print(f"  {each.kept} of {each.before} stayed: {escape(each.query)}")


def _state(manifest: IndexManifest, current: str, published: Mapping[str, str]) -> str:
    if manifest.version == current:
        return "[bold green]current[/bold green]"
    if manifest.failures:
        return "[red]failed[/red]"
    return "was current" if manifest.version in published else ""


def _changes(
    console: Console, added: Sequence[str], changed: Sequence[str], removed: Sequence[str]
) -> None:
    for name, ids in (("added", added), ("changed", changed), ("removed", removed)):
        more = ", …" if len(ids) > SHOWN else ""
        listed = f": {escape(', '.join(ids[:SHOWN]))}{more}" if ids else ""
        console.print(f"{len(ids):,} {name}{listed}")


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
