"""What one corpus may cost: bounds of records, objects and fields, kept by all readers."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, AnyStr, Generic, Self

from handler.corpus.schema import MAX_FIELDS
from handler.errors import UnreadableFile
from handler.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a corpus, each a setting.

    Attributes:
        record_bytes: bytes of one record: a line, a row, or a page.
        object_bytes: bytes of one object after decompression.
        fields: metadata fields of all documents that can be filtered by.
    """

    record_bytes: int = 16_000_000
    object_bytes: int = 20_000_000_000
    fields: int = MAX_FIELDS

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the bounds that the settings name."""
        return cls(
            record_bytes=settings.max_record_bytes,
            object_bytes=settings.max_object_bytes,
            fields=settings.max_fields,
        )


DEFAULT_BOUNDS = Bounds()


class BoundedStream(io.RawIOBase):
    """A stream that ends with UnreadableFile where an object has more bytes than it may have."""

    def __init__(self, stream: IO[bytes], bounds: Bounds) -> None:
        """Read from `stream`, which is closed with this one."""
        self._stream = stream
        self._bounds = bounds
        self._left = bounds.object_bytes

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read into `buffer`, and return the number of bytes."""
        view = memoryview(buffer)
        # One more byte than allowed tells a stream that ends from one that goes on.
        data = self._stream.read(min(len(view), self._left or 1))
        if len(data) > self._left:
            raise UnreadableFile(
                f"more than {self._bounds.object_bytes:,} bytes, so its rest is not read; "
                "split it, or raise QUERYTOWER_MAX_OBJECT_BYTES"
            )
        self._left -= len(data)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close both streams."""
        self._stream.close()
        super().close()


class Oversized(ValueError):
    """A record is larger than the bounds allow."""


class Lines(Generic[AnyStr], Iterator[AnyStr]):
    """The lines of a file with their ends, read within bounds.

    A line that is too long raises Oversized and is skipped: the next call returns the line after
    it. Texts are measured in characters.
    """

    def __init__(self, file: IO[AnyStr], bounds: Bounds = DEFAULT_BOUNDS) -> None:
        """Take an open file. A text file must keep its line ends (`newline=""`)."""
        # The number of the last line, from 1.
        self.number = 0
        self._file: IO[AnyStr] = file
        self._bounds = bounds
        self._record = 0

    def begin_record(self) -> None:
        """Let a record begin with the next line; all of its lines are bounded together."""
        self._record = 0

    def __next__(self) -> AnyStr:
        """Return the next line.

        Raises:
            Oversized: the line, or what was read since `begin_record`, is too long.
        """
        most = self._bounds.record_bytes
        line: AnyStr = self._file.readline(most + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._record += len(line)
        whole = len(line) <= most or _is_ended(line)
        if not whole:
            self._skip()
        if not whole or self._record > most + 1:
            raise Oversized(f"the record has {_too_many(self._bounds)}")
        return line

    def _skip(self) -> None:
        """Read the rest of a line that is too long."""
        while rest := self._file.readline(1 << 20):
            if _is_ended(rest):
                return


def read_whole(file: IO[bytes], bounds: Bounds = DEFAULT_BOUNDS) -> bytes:
    """Return the content of a file that is one record.

    Raises:
        UnreadableFile: it has more bytes than a record may have.
    """
    data = file.read(bounds.record_bytes + 1)
    if len(data) > bounds.record_bytes:
        raise UnreadableFile(_too_many(bounds))
    return data


def _too_many(bounds: Bounds) -> str:
    return (
        f"more than {bounds.record_bytes:,} bytes; split it, or raise QUERYTOWER_MAX_RECORD_BYTES"
    )


def _is_ended(line: str | bytes) -> bool:
    return line[-1:] in (b"\n", "\n", "\r")
