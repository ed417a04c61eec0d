"""What a person sees of a reindex and of the versions of an index."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from handler.index.manifest import IndexManifest
from handler.log import metric
from handler.quality.changes import Changes
from handler.quality.compare import Difference
from handler.reindex.job import Outcome, Preview

SHOWN = 20
MIN_WIDTH = 140
SHORT = {"self_retrieval": "self", "recall@10": "recall", "ndcg@10": "nDCG"}
OUTCOMES = {
    "unchanged": "nothing has changed",
    "rolled back": (
        "nothing was published: the same corpus was rolled back; change it, or use --force"
    ),
}


def tell(event: str, **fields: Any) -> None:
    """Write an event of a run to standard error."""
    details = ", ".join(f"{name} {value}" for name, value in fields.items())
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"{event.replace('_', ' ')}: {details}", markup=False
    )


def measure(event: str, values: dict[str, float], unit: str, **fields: Any) -> None:
    """Write metrics to standard output, unless it is a terminal."""
    if not sys.stdout.isatty():
        metric(event, values, unit, **fields)


def show_outcome(outcome: Outcome, store: str) -> None:
    """Print the outcome of a run; `store` is the URL of the store."""
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
            f"since {drift.previous}: {drift.added:,} added, {drift.changed:,} changed, "
            f"{drift.removed:,} removed"
        )
    for each in drift.distributions if drift else ():
        if each.psi is not None:
            console.print(f"{each.name}: {each.verdict} (PSI {each.psi:.3f})")
    if manifest.rejected:
        console.print(
            f"[yellow]{manifest.rejected:,} records were rejected[/yellow]; "
            "rejects.jsonl in the version's folder says why"
        )


def show_preview(preview: Preview) -> None:
    """Print what a run would do."""
    console = _console()
    console.print(
        f"{preview.documents:,} documents, {preview.encode:,} to encode, "
        f"{preview.rejected:,} records rejected"
    )
    if preview.changes:
        _changes(console, preview.changes)


def show_versions(
    found: Sequence[IndexManifest], current: str, published: Mapping[str, str]
) -> None:
    """Print the versions of an index as a table.

    Args:
        found: manifests of the versions, the newest first.
        current: name of the current version, empty if there is none.
        published: times at which earlier versions were published, by name.
    """
    table = Table("version", "made (UTC)", "documents", "model", "quality", "MB", "new MB", "")
    for column in table.columns:
        column.no_wrap = True
    for each, (size, added) in zip(found, _sizes(found), strict=True):
        table.add_row(
            each.version,
            f"{datetime.fromisoformat(each.created):%Y-%m-%d %H:%M}",
            f"{each.documents:,}",
            escape(each.model.rpartition("/")[2]),
            " ".join(
                f"{SHORT.get(name, name)} {value:.3f}" for name, value in each.quality.items()
            ),
            f"{size / 1e6:.1f}",
            f"{added / 1e6:.1f}",
            _state(each, current, published),
        )
    console = Console(highlight=False)
    console.width = max(console.width, MIN_WIDTH)  # so that names of versions can be copied
    console.print(table)
    for each in found:
        if each.failures:
            console.print(
                f"{each.version} failed: {escape('; '.join(each.failures))}", soft_wrap=True
            )


def described_versions(
    found: Sequence[IndexManifest], current: str, published: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return what `show_versions` prints, one object for each version."""
    return [
        {
            "version": each.version,
            "created": each.created,
            "state": _state_name(each, current, published),
            "documents": each.documents,
            "passages": each.passages,
            "rejected": each.rejected,
            "model": each.model,
            "precision": each.precision,
            "bytes": size,
            "bytes_added": added,
            "bytes_shared": size - added,
            "quality": each.quality,
            "failures": each.failures,
        }
        for each, (size, added) in zip(found, _sizes(found), strict=True)
    ]


def _sizes(found: Sequence[IndexManifest]) -> list[tuple[int, int]]:
    """Return the bytes of each version, and of those the bytes that no older version has."""
    sizes, older = [], set[str]()
    for manifest in reversed(found):
        files = {entry.sha256: entry.bytes for entry in manifest.files.values()}
        added = sum(size for sha256, size in files.items() if sha256 not in older)
        sizes.append((sum(files.values()), added))
        older |= {*files}
    return sizes[::-1]


def show_difference(difference: Difference) -> None:
    """Print the documents and queries in which two versions differ."""
    console = _console()
    _changes(console, difference.documents)
    console.print(f"{difference.documents.unchanged:,} documents are the same")
    if not difference.compared:
        console.print(
            "both versions have no golden queries in common; "
            "put queries.jsonl into the index's folder golden"
        )
        return
    console.print(
        f"the top documents of {len(difference.queries)} of {difference.compared} golden queries "
        "changed"
    )
    for each in difference.queries[:SHOWN]:
        console.print(f"  {each.kept} of {each.before} stayed: {escape(each.query)}")


def _state(manifest: IndexManifest, current: str, published: Mapping[str, str]) -> str:
    name = _state_name(manifest, current, published)
    style = {"current": "bold green", "failed": "red"}.get(name)
    return f"[{style}]{name}[/{style}]" if style else name


def _state_name(manifest: IndexManifest, current: str, published: Mapping[str, str]) -> str:
    if manifest.version == current:
        return "current"
    if manifest.failures:
        return "failed"
    return "was current" if manifest.version in published else ""


def _changes(console: Console, changes: Changes) -> None:
    named = {"added": changes.added, "changed": changes.changed, "removed": changes.removed}
    for name, ids in named.items():
        more = ", …" if len(ids) > SHOWN else ""
        listed = f": {escape(', '.join(ids[:SHOWN]))}{more}" if ids else ""
        console.print(f"{len(ids):,} {name}{listed}")


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
