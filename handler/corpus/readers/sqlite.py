"""SQLite databases: a table, a view or a query, by Python's own module."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from handler.corpus.readers.source import Head, Note, Raw, Source
from handler.errors import UnreadableFile

NAME = "SQLite"
DOCUMENTS = False
MAGIC = b"SQLite format 3\0"
QUERY = re.compile(r"\s*(?:select|with|values)\b", re.IGNORECASE)
TABLES = """
    SELECT name FROM sqlite_schema
    WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    ORDER BY name
"""


def matches(head: Head) -> bool:
    """Tell whether it begins as SQLite does."""
    return head.data.startswith(MAGIC)


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield a record for each row of the table or query that the options name, or of the one table."""
    with source.local() as path:
        try:
            connection = _opened(path)
            try:
                query = _query(connection, source.options.table)
                yield Note(
                    "table" if query.startswith('SELECT * FROM "') else "query", _shown(query)
                )
                rows = connection.execute(query)
                names = [column[0] for column in rows.description]
                for line, row in enumerate(rows, start=1):
                    yield Raw(line, dict(zip(names, row, strict=True)))
            finally:
                connection.close()
        except sqlite3.Error as cause:
            raise UnreadableFile(f"can't be read as SQLite: {cause}") from cause


def _opened(path: Path) -> sqlite3.Connection:
    """Open a database so that nothing can be written, nor other files be attached."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _query(connection: sqlite3.Connection, wanted: str) -> str:
    if QUERY.match(wanted):
        return wanted
    tables = [str(name) for (name,) in connection.execute(TABLES)]
    if wanted and wanted not in tables:
        raise UnreadableFile(f"has no table {wanted!r}; there are: {', '.join(tables) or 'none'}")
    if not wanted and len(tables) != 1:
        tables = [name for name in tables if not name.endswith(("_content", "_idx", "_config"))]
    if not wanted and len(tables) != 1:
        raise UnreadableFile(
            f"has {len(tables)} tables; choose one with --table, or write a query there: "
            f"{', '.join(tables) or 'none'}"
        )
    name = (wanted or tables[0]).replace('"', '""')
    return f'SELECT * FROM "{name}"'  # noqa: S608


def _shown(query: str) -> str:
    return query.removeprefix('SELECT * FROM "').removesuffix('"')
