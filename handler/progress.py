"""Progress of long work: one protocol, and every stage that is ever reported."""

from typing import Literal, Protocol

Stage = Literal[
    # export
    "fetch",
    "download",
    "convert",
    "quantize",
    "verify",
    # index and reindex, in order
    "read",
    "encode",
    "text",
    "check",
    "stage",
    "upload",
    "publish",
    "clean",
]


class Progress(Protocol):
    """Told how far a stage is: bytes for a download, documents, vectors or files otherwise."""

    def __call__(self, stage: Stage, done: int, total: int | None = None, /) -> None:
        """Report that `done` of `total` units are finished; `total` is None while it is unknown."""


def no_progress(_stage: Stage, _done: int, _total: int | None = None, /) -> None:
    """Report to nobody."""
