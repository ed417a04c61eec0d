"""The verdict on a version: the first thing that a drift report says."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handler.markup import NOTHING, Html, fill, joined
from handler.quality.changes import Changes

NAMED = 12
"""Documents named for each kind of change; drift.json and `querytower diff` have all."""

SECTION = """<section class="$kind"><h2>$headline</h2>
$facts$commands</section>
"""
LIST = "<ul>$items</ul>"
ITEM = "<li>$text</li>"
COMMAND = "<p>$purpose</p><pre>$command</pre>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a run decided about a version, and why.

    Args:
        version: name of the version.
        previous: name of the version before, empty for the first.
        failures: why the version must not be published; empty if it may.
        ndcg: nDCG@10 of the golden queries, None if there are none.
        ndcg_before: the same of the version before, None if it was not measured.
        changes: documents that differ from the version before, None if that can't be told.
        store: URL of the store, for the commands.
        index: name of the index, for the commands.
    """

    version: str
    previous: str
    failures: Sequence[str]
    ndcg: float | None
    ndcg_before: float | None
    changes: Changes | None
    store: str
    index: str

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.failures:
            return "Refused: this version is not published."
        if not self.previous:
            return "Passed: this is the first version, so there was nothing to compare with."
        return "Passed: this version kept every limit and was published."

    def render(self) -> Html:
        """Return the verdict as a section of a page."""
        facts = [fill(ITEM, text=text) for text in self._facts()]
        commands = [fill(COMMAND, purpose=why, command=command) for why, command in self._next()]
        return fill(
            SECTION,
            kind="refused" if self.failures else "passed",
            headline=self.headline,
            facts=fill(LIST, items=joined(facts)) if facts else NOTHING,
            commands=joined(commands),
        )

    def _facts(self) -> Iterator[str]:
        yield from self.failures
        if self.ndcg is not None:
            before = "" if self.ndcg_before is None else f", before {self.ndcg_before:.3f}"
            yield f"nDCG@10 of the golden queries: {self.ndcg:.3f}{before}"
        if self.changes:
            yield _named("added", self.changes.added)
            yield _named("changed", self.changes.changed)
            yield _named("removed", self.changes.removed)

    def _next(self) -> Iterator[tuple[str, str]]:
        """Yield purposes and commands: what a person may want to do next."""
        place = f"--store {shlex.quote(self.store)} --name {self.index}"
        if self.previous:
            compare = f"querytower diff {self.previous} {self.version} {place}"
            yield "See what differs:", compare
        if self.failures:
            yield "Publish it all the same:", f"querytower rollback {self.version} {place}"
        elif self.previous:
            yield "Take it back:", f"querytower rollback {self.previous} {place}"


def _named(kind: str, ids: Sequence[str]) -> str:
    more = ", …" if len(ids) > NAMED else ""
    listed = f": {', '.join(ids[:NAMED])}{more}" if ids else ""
    return f"{len(ids):,} {kind}{listed}"
