"""What reading a corpus found out, for people: kinds, encodings, roles of fields, what was dropped."""

from collections import Counter
from dataclasses import dataclass, field

from handler.corpus.options import FieldNames
from handler.corpus.roles import Roles
from handler.errors import CorpusError

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
        kinds: sources by kind, such as `CSV, encoding windows-1252, delimiter ;`.
        roles: sources of records by what was taken for id, title, text and link.
        drops: what was dropped, by field.
        absent: fields that the user named and some source lacks, with the fields that it has.
        present: fields that the user named and some source has.
        bytes: how many bytes of files were read, compressed or not.
        rows: how many records files say that they hold.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    roles: Counter[Roles] = field(default_factory=Counter)
    drops: dict[str, Drop] = field(default_factory=dict)
    absent: dict[str, list[str]] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    bytes: int = 0
    rows: int = 0

    def drop(self, name: str, reason: str, place: str) -> None:
        """Note that a value of a field was dropped."""
        drop = self.drops.get(name)
        if drop:
            drop.count += 1
        elif len(self.drops) < MAX_NAMES:
            self.drops[name] = Drop(1, place, reason)

    def check(self) -> None:
        """Raise CorpusError if the user named a field that no record has."""
        for name, columns in self.absent.items():
            if name not in self.present:
                raise CorpusError(
                    f"no record has a field {name!r}; there are: {', '.join(columns[:50])}"
                )

    def sentences(self, given: FieldNames | None = None) -> list[str]:
        """Return what was found out, for people.

        Args:
            given: the fields that the user named; then only what nobody would expect is told:
                guesses, encodings, delimiters, losses.
        """
        found = [
            f"{count:,} × {kind}" if count > 1 else kind
            for kind, count in self.kinds.most_common(10)
            if given is None or ", " in kind
        ]
        found = [f"kind: {'; '.join(found)}"] if found else []
        told = (_told(roles, given) for roles, _ in self.roles.most_common(3))
        found += [f"fields: {sentence}" for sentence in told if sentence]
        for name, drop in list(self.drops.items())[:20]:
            values = f"{drop.count:,} value{'s' * (drop.count > 1)}"
            found.append(f"{name}: {values} dropped, first in {drop.first}: {drop.reason}")
        return found


def _told(roles: Roles, given: FieldNames | None) -> str:
    parts = (
        ("id", "--id-field", (roles.id,), "made of the content"),
        ("title", "--title-field", (roles.title,), "none"),
        ("text", "--text-field", roles.text, "none"),
        ("url", "--url-field", (roles.url,), "none"),
    )
    return ", ".join(
        f"{role} is {' and '.join(filter(None, names)) or missing} ({flag})"
        for role, flag, names, missing in parts
        if given is None or not (getattr(given, role) or set(names) <= {role, ""})
    )
