"""Parquet, by pyarrow."""

from collections.abc import Iterator

from handler.corpus.readers.source import Head, Raw, Source
from handler.errors import CorpusError, UnreadableFile, install_command

NAME = "Parquet"
DOCUMENTS = False


def matches(head: Head) -> bool:
    """Tell whether it begins as Parquet does, or its ending says so."""
    return head.data.startswith(b"PAR1") or head.ending == ".parquet"


def read(source: Source) -> Iterator[Raw]:
    """Yield a record for each row."""
    try:
        from pyarrow import parquet
    except ImportError as cause:
        raise CorpusError(
            f"{source.name} needs pyarrow; install it with: {install_command('parquet')}"
        ) from cause
    with source.local() as path:
        try:
            batches = parquet.ParquetFile(path).iter_batches(batch_size=1000)
            rows = (row for batch in batches for row in batch.to_pylist())
            for line, row in enumerate(rows, start=1):
                yield Raw(line, row)
        except (OSError, ValueError) as cause:
            raise UnreadableFile(f"can't be read as Parquet: {cause}") from cause
