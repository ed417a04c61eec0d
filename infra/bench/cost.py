"""What a million queries cost, and from how many an always-on machine is cheaper.

python -m infra.bench.cost --milliseconds 3
"""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

PRICES_OF = "us-east-1, arm64, on demand, without free tier, as published in November 2026"
GB_SECOND = 0.0000133334
REQUESTS = 0.20  # a million
HTTP_API = 1.00  # a million
LOGS_GB = 0.50
LOGGED_BYTES = 900  # a request: our own line, Lambda's about start and end, and the API's
# SnapStart, for each GB of a function's memory: its snapshot, kept for a month (the price is by the second).
SNAPSHOT = 0.0000015046 * 730 * 3600
MACHINE = 0.0168 * 730  # a t4g.small (2 vCPU, 2 GB) for a month
FULL_CPU_MB = 1769
MEMORIES = (512, 1024, 1769)


@dataclass(frozen=True, slots=True)
class Cost:
    """Billed milliseconds of a query, dollars for a million (compute, requests, API, logs), and for a month anyway."""

    milliseconds: int
    dollars: float
    monthly: float

    @classmethod
    def of(cls, milliseconds: float, memory_mb: int) -> "Cost":
        """Take the `milliseconds` of a query on one full CPU; a function gets CPU in proportion to its memory."""
        billed = ceil(milliseconds * max(1.0, FULL_CPU_MB / memory_mb))
        compute = 1_000_000 * billed / 1000 * memory_mb / 1024 * GB_SECOND
        logs = LOGGED_BYTES * 1_000_000 / 1e9 * LOGS_GB
        return cls(billed, compute + REQUESTS + HTTP_API + logs, SNAPSHOT * memory_mb / 1024)


def main(
    milliseconds: Annotated[
        float, typer.Option(help="Duration of a query on one full CPU, as measured.")
    ] = 3.0,
) -> None:
    """Print the table."""
    table = Table(
        title=f"{milliseconds:g} ms a query on a full CPU; {PRICES_OF}", title_justify="left"
    )
    headings = ("memory MB", "billed ms", "a million queries", "SnapStart a month", "break-even")
    for heading in headings:
        table.add_column(heading, justify="right")
    for memory in MEMORIES:
        cost = Cost.of(milliseconds, memory)
        free, kept = (f"{(MACHINE - fixed) / cost.dollars:.1f}" for fixed in (0.0, cost.monthly))
        figures = (
            str(memory),
            str(cost.milliseconds),
            f"${cost.dollars:.2f}",
            f"${cost.monthly:.2f}",
        )
        table.add_row(*figures, f"{free} M, {kept} M")
    Console().print(table)
    print(
        f"${MACHINE:.2f} is the price of one always-on t4g.small for a month; without SnapStart, and with it, it takes"
    )
    print("so many million queries a month until the function costs the same")


if __name__ == "__main__":
    typer.run(main)
