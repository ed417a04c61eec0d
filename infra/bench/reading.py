"""Records per second that are read before encoding, against bare json.loads, and the memory it takes.

python -m infra.bench.reading --records 1000000

The corpus is made for the run, in the shape of a public collection of books: 20 fields a record,
numbers as texts, nested lists. Each size is read in a process of its own, on one core; rates are
of its CPU time. Its peak memory must not
grow with the corpus; only hashes and ids do, about 100 bytes a record.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.bench.start import start

PROJECT = Path(__file__).parents[2]

BARE = """
import json, sys
for line in open(sys.argv[1], "rb"):
    json.loads(line)
"""
OURS = """
import sys
from pathlib import Path
from handler.corpus.records import read_corpus
from handler.corpus.spool import Spool
corpus, folder = map(Path, sys.argv[1:3])
Spool.write(read_corpus(corpus), folder / "spool.jsonl", folder / "rejects.jsonl", 0)
"""
PEAK = """
import resource, time
print(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main(
    records: Annotated[int, typer.Option(help="Records of the larger corpus.", min=1000)] = 200_000,
) -> None:
    """Read a corpus and a tenth of it, and print rates, ratios and peak memory."""
    table = Table(title="JSON lines, before encoding", title_justify="left")
    for heading in ("records", "json.loads /s", "read and spooled /s", "ratio", "peak MB"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (records // 10, records):
            corpus = folder / "books.json"
            write_books(corpus, count)
            bare, _ = run(BARE, corpus, folder)
            ours, peak = run(OURS, corpus, folder)
            table.add_row(
                f"{count:,}",
                f"{count / bare:,.0f}",
                f"{count / ours:,.0f}",
                f"{ours / bare:.1f} ×",
                f"{peak:,.0f}",
            )
    Console().print(table)


def write_books(path: Path, count: int) -> None:
    """Write `count` records as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps(book(number)) + "\n")


def book(number: int) -> dict[str, object]:
    """Return a record in the shape of a public collection."""
    return {
        "isbn": f"0{number:09}",
        "text_reviews_count": str(number % 97),
        "series": [],
        "country_code": "US",
        "language_code": "" if number % 3 else "eng",
        "popular_shelves": [{"count": "3", "name": "to-read"}, {"count": "1", "name": "classics"}],
        "is_ebook": "false" if number % 5 else "true",
        "average_rating": f"{3 + number % 200 / 100:.2f}",
        "similar_books": [str(number + 1), str(number + 2)],
        "description": f"A story of house {number}, told by those who left it. " * 6,
        "format": "Paperback",
        "link": f"https://books.example/show/{number}",
        "authors": [{"author_id": str(number % 5000), "role": ""}],
        "publisher": f"Press {number % 300}",
        "num_pages": str(100 + number % 700),
        "publication_year": str(1900 + number % 120),
        "book_id": str(number),
        "ratings_count": str(number % 10_007),
        "work_id": str(7 * number),
        "title": f"House {number}",
    }


def run(code: str, corpus: Path, folder: Path) -> tuple[float, float]:
    """Return the CPU seconds that a script takes with the corpus, and its peak memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", code + PEAK, str(corpus), str(folder)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, kilobytes = map(float, done.stdout.split())
    return seconds, kilobytes / 1000


if __name__ == "__main__":
    start(main)
