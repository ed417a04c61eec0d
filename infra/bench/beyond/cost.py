"""What an index of a million to a billion documents costs by tier: to encode, to write, a month.

python -m infra.bench.beyond.cost --queries 1
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.bench.cost import Cost
from infra.bench.start import start
from infra.prices import (
    BEYOND_PRICES_OF,
    C7G_HOUR,
    EXPRESS_GB,
    EXPRESS_GETS,
    GB_SECOND,
    PRICES_OF,
    S3_GB,
    S3_GETS,
    VECTORS_GB,
    VECTORS_PROCESSED,
    VECTORS_PUT_GB,
    VECTORS_QUERIES,
)

SIZES = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
# Measured, for a document of one passage of 384 numbers:
ENCODE_MS = 32.0
"""CPU milliseconds to encode an abstract: 5,000 took 161 CPU seconds."""
FUNCTION_BYTES = 1_100
"""Bytes of a document in the function's files."""
LANCE_BYTES = 2_160
"""Bytes of a document in Lance: 216 MB of 100,000 abstracts."""
LANCE_REQUESTS = 46
"""Requests of a new hybrid query, of 100,000 abstracts; they grow with the index."""
LANCE_MS, LANCE_MB = 25.0, 2048
"""CPU milliseconds of a hybrid query, and the memory of the container function."""
VECTOR_BYTES, FILTERED_BYTES, SHOWN_BYTES = 384 * 4, 160, 960
"""Bytes of a vector, of its key and filterable metadata, and of its other metadata."""
FUNCTION_MOST, LANCE_MOST = 1_000_000, 10_000_000
"""Documents beyond which a tier is not offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Dollars to write an index once, to keep it for a month, and for a million queries."""

    write: float
    month: float
    queries: float


def function(documents: int) -> Bill:
    """Return the bill of the function, whose memory grows with the index."""
    size = documents * FUNCTION_BYTES / 1e9
    memory = max(1024, round(1.5 * size * 1024))
    return Bill(write=0.0, month=size * S3_GB, queries=Cost.of(3.0, memory).dollars)


def lance(documents: int, gb: float, gets: float) -> Bill:
    """Return the bill of Lance at a price of storage and of a million requests."""
    kept = documents * (LANCE_BYTES * gb + FUNCTION_BYTES * S3_GB) / 1e9
    asked = LANCE_REQUESTS * gets
    return Bill(write=0.0, month=kept, queries=Cost.of(LANCE_MS, LANCE_MB).dollars + asked)


def s3vectors(documents: int) -> Bill:
    """Return the bill of Amazon S3 Vectors: two queries for each hybrid search."""
    size = documents * (VECTOR_BYTES + FILTERED_BYTES + SHOWN_BYTES) / 1e9
    processed, below = 0.0, 0.0
    for most, dollars in VECTORS_PROCESSED:
        vectors = max(0.0, min(documents, most) - below)
        processed += 1e6 * vectors * (VECTOR_BYTES + FILTERED_BYTES) / 1e12 * dollars
        below = most
    kept = size * VECTORS_GB + documents * FUNCTION_BYTES / 1e9 * S3_GB
    queries = Cost.of(6.0, 1024).dollars + 2 * (VECTORS_QUERIES + processed)
    return Bill(write=size * VECTORS_PUT_GB, month=kept, queries=queries)


TIERS: dict[str, tuple[Callable[[int], Bill], float]] = {
    "function": (function, FUNCTION_MOST),
    "lance, S3": (lambda n: lance(n, S3_GB, S3_GETS), LANCE_MOST),
    "lance, S3 Express": (lambda n: lance(n, EXPRESS_GB, EXPRESS_GETS), LANCE_MOST),
    "Amazon S3 Vectors": (s3vectors, float("inf")),
}


def encoding(documents: int) -> tuple[float, float]:
    """Return the dollars to encode once on Lambda, and on machines on demand."""
    seconds = documents * ENCODE_MS / 1000
    return seconds * 1769 / 1024 * GB_SECOND, seconds / 3600 * C7G_HOUR


def main(
    queries: Annotated[float, typer.Option(help="Million queries a month.")] = 1.0,
) -> None:
    """Print the table."""
    table = Table(title=f"{PRICES_OF}; {BEYOND_PRICES_OF}", title_justify="left")
    headings = (
        "documents",
        "tier",
        "write once",
        "storage a month",
        "a million queries",
        "a month",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    for documents in SIZES:
        for name, (tier, most) in TIERS.items():
            if documents <= most:
                bill = tier(documents)
                month = bill.month + queries * bill.queries
                figures = (bill.write, bill.month, bill.queries, month)
                table.add_row(f"{documents:,}", name, *(f"${each:,.2f}" for each in figures))
    Console().print(table)
    for documents in SIZES:
        on_lambda, on_machines = encoding(documents)
        print(
            f"Encoding {documents:,} documents once: ${on_lambda:,.2f} on Lambda, "
            f"${on_machines:,.2f} on c7g machines"
        )


if __name__ == "__main__":
    start(main)
