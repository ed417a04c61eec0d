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
MACHINE = 0.0168 * 730  # a t4g.small (2 vCPU, 2 GB) for a month
FULL_CPU_MB = 1769
MEMORIES = (512, 1024, 1769)


@dataclass(frozen=True, slots=True)
class Cost:
    """Billed milliseconds of a query, and dollars for a million: compute, requests and API together."""

    milliseconds: int
    dollars: float

    @classmethod
    def of(cls, milliseconds: float, memory_mb: int) -> "Cost":
        """Take the `milliseconds` of a query on one full CPU; a function gets CPU in proportion to its memory."""
        billed = ceil(milliseconds * max(1.0, FULL_CPU_MB / memory_mb))
        compute = 1_000_000 * billed / 1000 * memory_mb / 1024 * GB_SECOND
        return cls(billed, compute + REQUESTS + HTTP_API)


def main(
    milliseconds: Annotated[float, typer.Option(help="Duration of a query on one full CPU, as measured.")] = 3.0,
) -> None:
    """Print the table."""
    table = Table(title=f"{milliseconds:g} ms a query on a full CPU; {PRICES_OF}", title_justify="left")
    for heading in ("memory MB", "billed ms", "a million queries", f"queries a month for ${MACHINE:.2f}"):
        table.add_column(heading, justify="right")
    for memory in MEMORIES:
        cost = Cost.of(milliseconds, memory)
        break_even = f"{MACHINE / cost.dollars:.1f} million"
        table.add_row(str(memory), str(cost.milliseconds), f"${cost.dollars:.2f}", break_even)
    Console().print(table)
    print(f"${MACHINE:.2f} is the price of one always-on t4g.small for a month")


if __name__ == "__main__":
    typer.run(main)
