"""What reading a corpus found out, for people: kinds, encodings, roles of fields, what was dropped."""

from collections import Counter
from dataclasses import dataclass, field

from handler.corpus.roles import Roles

MAX_NAMES = 1000
"""Fields that are named; a corpus with more of them has ids as names."""


@dataclass(slots=True)
class Drop:
    """How many values of a field were dropped, and the first of them: where, and why."""

    count: int
    first: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Findings:
    """Filled while a corpus is read.

    Attributes:
        kinds: sources by kind, such as `CSV, windows-1252, delimiter ;`.
        roles: sources by what was taken for id, title, text and link.
        columns: how many records have each field.
        drops: what was dropped, by field.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    roles: Counter[Roles] = field(default_factory=Counter)
    columns: dict[str, int] = field(default_factory=dict)
    drops: dict[str, Drop] = field(default_factory=dict)

    def drop(self, name: str, reason: str, place: str) -> None:
        """Note that a value of a field was dropped."""
        drop = self.drops.get(name)
        if drop:
            drop.count += 1
        elif len(self.drops) < MAX_NAMES:
            self.drops[name] = Drop(1, place, reason)
