"""The cost of a million queries, and the number from which an always-on machine is cheaper.

python -m infra.bench.cost --milliseconds 3
"""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.bench.start import start
from infra.prices import (
    GB_SECOND,
    HTTP_API,
    LOGGED_BYTES,
    LOGS_GB,
    MACHINE,
    PRICES_OF,
    REQUESTS,
    SNAPSHOT,
)

FULL_CPU_MB = 1769
MEMORIES = (512, 1024, 1769)


@dataclass(frozen=True, slots=True)
class Cost:
    """Billed milliseconds of a query, dollars for a million queries, and fixed dollars for a month.

    Queries cost compute, requests, the API and logs; the fixed cost is SnapStart.
    """

    milliseconds: int
    dollars: float
    monthly: float

    @classmethod
    def of(cls, milliseconds: float, memory_mb: int) -> "Cost":
        """Return the cost of queries that take `milliseconds` on one full CPU.

        A function gets CPU in proportion to its memory, of `memory_mb` megabytes.
        """
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
        prices = f"${cost.dollars:.2f}", f"${cost.monthly:.2f}"
        table.add_row(str(memory), str(cost.milliseconds), *prices, f"{free} M, {kept} M")
    Console().print(table)
    print(
        f"An always-on t4g.small costs ${MACHINE:.2f} a month. The last column is the number of "
        "queries a month\nat which the function costs the same, without SnapStart and with it."
    )


if __name__ == "__main__":
    start(main)
