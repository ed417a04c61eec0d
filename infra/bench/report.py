"""Percentiles, and a table that sets each figure against its baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Timing:
    """Median and 99th percentile of a series, in milliseconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Timing":
        """Measure a series of seconds."""
        p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
        return cls(float(p50), float(p99))


def show(title: str, rows: Sequence[tuple[str, Timing, Timing | None]]) -> None:
    """Print name and timing of each row, and the ratios to its baseline if it has one."""
    table = Table(title=title, title_justify="left")
    for heading in ("", "p50 ms", "p99 ms", "p50 ratio", "p99 ratio"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, timing, base in rows:
        ratios = (
            (f"{timing.p50 / base.p50:.2f}", f"{timing.p99 / base.p99:.2f}") if base else ("", "")
        )
        table.add_row(name, f"{timing.p50:.2f}", f"{timing.p99:.2f}", *ratios)
    Console().print(table)
