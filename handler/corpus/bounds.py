"""What one corpus may cost: bounds of records, objects, fields and time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, AnyStr, Generic

from handler.corpus.schema import MAX_FIELDS
from handler.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a corpus, each a setting.

    Attributes:
        record_bytes: bytes of one record: a line, a row, or a page.
        object_bytes: bytes of one object, as it arrives and as it is after decompression.
        fields: metadata fields of all documents that can be filtered by.
        seconds: time that one object may take to arrive from a web server.
        hosts: other hosts to which the host of a corpus URL may redirect.
    """

    record_bytes: int = 16_000_000
    object_bytes: int = 20_000_000_000
    fields: int = MAX_FIELDS
    seconds: float = 600.0
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        """Return the bounds that the settings name."""
        hosts = (name.strip().lower() for name in settings.corpus_hosts.split(","))
        return cls(
            record_bytes=settings.max_record_bytes,
            object_bytes=settings.max_object_bytes,
            fields=settings.max_fields,
            seconds=settings.corpus_timeout,
            hosts=frozenset(name for name in hosts if name),
        )


DEFAULT_BOUNDS = Bounds()


class Oversized(ValueError):
    """A record, or the rest of an object, is larger than the bounds allow."""


class Lines(Generic[AnyStr], Iterator[AnyStr]):
    """The lines of a file with their ends, read within bounds.

    A line that is too long raises Oversized and is skipped: the next call returns the line after
    it. An object that is too long ends with Oversized. Texts are measured in characters.
    """

    def __init__(self, file: IO[AnyStr], bounds: Bounds = DEFAULT_BOUNDS) -> None:
        """Take an open file. A text file must keep its line ends (`newline=""`)."""
        # The number of the last line, from 1.
        self.number = 0
        self._file: IO[AnyStr] = file
        self._bounds = bounds
        self._taken = 0
        self._record = 0

    def begin_record(self) -> None:
        """Let a record begin with the next line; all of its lines are bounded together."""
        self._record = 0

    def __next__(self) -> AnyStr:
        """Return the next line.

        Raises:
            Oversized: the line, or what was read since `begin_record`, is too long.
        """
        if self._taken > self._bounds.object_bytes:
            raise StopIteration
        most = self._bounds.record_bytes
        line: AnyStr = self._read(most + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._record += len(line)
        whole = len(line) <= most or _is_ended(line)
        if not whole:
            self._skip()
        if self._taken > self._bounds.object_bytes:
            raise Oversized(
                f"the object has more than {self._bounds.object_bytes:,} bytes, so its rest is "
                "not read; split it, or raise QUERYTOWER_MAX_OBJECT_BYTES"
            )
        if not whole or self._record > most + 1:
            raise oversized(self._bounds)
        return line

    def _read(self, size: int) -> AnyStr:
        line: AnyStr = self._file.readline(size)
        self._taken += len(line)
        return line

    def _skip(self) -> None:
        """Read the rest of a line that is too long."""
        while self._taken <= self._bounds.object_bytes:
            rest = self._read(1 << 20)
            if not rest or _is_ended(rest):
                return


def read_whole(file: IO[bytes], bounds: Bounds = DEFAULT_BOUNDS) -> bytes:
    """Return the content of a file that is one record.

    Raises:
        Oversized: it has more bytes than a record may have.
    """
    data = file.read(bounds.record_bytes + 1)
    if len(data) > bounds.record_bytes:
        raise oversized(bounds)
    return data


def oversized(bounds: Bounds) -> Oversized:
    """Return the error for a record that is too long."""
    return Oversized(
        f"the record has more than {bounds.record_bytes:,} bytes; "
        "split it, or raise QUERYTOWER_MAX_RECORD_BYTES"
    )


def _is_ended(line: str | bytes) -> bool:
    return line[-1:] in (b"\n", "\n", "\r")
