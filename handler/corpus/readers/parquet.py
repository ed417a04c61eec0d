"""Parquet, by pyarrow."""

from collections.abc import Iterator
from typing import Any

from handler.corpus.readers.source import Head, Raw, Source
from handler.errors import UnreadableFile, missing_library

NAME = "Parquet"
DOCUMENTS = False
BATCH_ROWS = 500


def matches(head: Head) -> bool:
    """Tell whether it begins as Parquet does, or its ending says so."""
    return head.data.startswith(b"PAR1") or head.ending in (".parquet", ".pq")


def read(source: Source) -> Iterator[Raw]:
    """Yield a record for each row."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as cause:
        raise missing_library(source.name, "pyarrow", "parquet") from cause
    line = 0
    with source.local() as path:
        try:
            with parquet.ParquetFile(path) as file:
                source.findings.rows += file.metadata.num_rows
                for batch in file.iter_batches(batch_size=BATCH_ROWS):
                    for row in _rows(batch, pyarrow):
                        line += 1
                        yield Raw(line, row)
        except (OSError, ValueError, pyarrow.ArrowException) as cause:
            raise UnreadableFile(
                f"can't be read as Parquet after row {line}: {cause}; write it anew"
            ) from cause


def _rows(batch: Any, pyarrow: Any) -> list[dict[str, Any]]:
    """Return the rows of a batch; times that Python can't hold, such as nanoseconds, come as texts."""
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError, pyarrow.ArrowException):
        columns = (_values(column, pyarrow) for column in batch.columns)
        names = batch.schema.names
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: Any, pyarrow: Any) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError, pyarrow.ArrowException):
        return list(column.cast(pyarrow.string()).to_pylist())
