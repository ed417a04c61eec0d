"""What serves an index: the function itself, or an engine that holds more than a function can.

Each version keeps the function's files, whatever serves it: the next run reads them, and serving can
move from one engine to another, and back, by publishing. Its manifest says under `served` what
serves it, so publishing and rolling back stay one write of the pointer.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol, get_args

from handler.index.engine import Engine
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexManifest

Serving = Literal["function", "lance", "s3vectors"]
SERVINGS: tuple[Serving, ...] = get_args(Serving)

Served = Mapping[str, str]
"""Part of a manifest: `by`, the name of the tier, and what the tier needs to find the version."""


class Tier(Protocol):
    """An engine outside the function, and where it keeps one index."""

    def stage(self, index: IndexVersion, before: IndexVersion | None) -> Served:
        """Bring in what is new of a version, and take out what is gone; readers see nothing yet.

        `before` is the version that `index` was built upon, with the same rows, if there is one.
        Returns what the manifest has to say under `served`.
        """

    def open(self, manifest: IndexManifest) -> Engine:
        """Open a version that was staged."""

    def vacuum(self, kept: Iterable[IndexManifest]) -> None:
        """Remove what no version but `kept` needs."""
