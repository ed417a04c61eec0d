"""JSON values, one after the other, from a stream of any length, in the memory of one value.

Python's own decoder does it: ijson refuses NaN and Infinity, which Python and pandas write, and takes
several times as long.
"""

import json
from typing import IO

from handler.corpus.readers.json_lines import DECODER, LARGE_NUMBERS
from handler.errors import UnreadableFile

CHUNK = 1 << 18
BLANK = " \t\r\n"


class JsonStream:
    """Reads the text of a stream value by value; what is between them is up to the caller."""

    def __init__(self, file: IO[str], most: int) -> None:
        """Read `file`, no value of which may have more than `most` characters."""
        self._file = file
        self._most = most
        self._buffer = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is not blank, which stays; nothing at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in BLANK:
                    return self._buffer[self._at]
                self._at += 1
            if not self._more():
                return ""

    def skip(self, characters: str) -> str:
        """Go on behind the next character, which must be one of these, and return it.

        Raises:
            UnreadableFile: it is another one.
        """
        found = self.peek()
        if not found or found not in characters:
            where = f"{found!r} is there" if found else "the file ends"
            raise UnreadableFile(f"not whole JSON: {where} where {' or '.join(characters)} belongs")
        self._at += 1
        return found

    def value(self) -> object:
        """Return the next value, and go on behind it.

        Raises:
            UnreadableFile: it is no JSON, is too large, or the file ends in it.
        """
        self.peek()
        size = CHUNK
        while True:
            try:
                value, end = _decoded(self._buffer, self._at)
            except (ValueError, RecursionError) as cause:
                if len(self._buffer) - self._at > self._most:
                    raise UnreadableFile(
                        f"a value has more than {self._most:,} characters; split it, or raise "
                        "QUERYTOWER_MAX_RECORD_BYTES"
                    ) from cause
                size *= 2
                if isinstance(cause, RecursionError) or not self._more(size):
                    raise UnreadableFile(f"not whole JSON: {cause}") from cause
                continue
            # A number that ends with the buffer may go on.
            if end < len(self._buffer) or not self._more():
                self._at = end
                return value

    def _more(self, size: int = CHUNK) -> bool:
        """Read on, and tell whether there was anything."""
        if self._ended:
            return False
        chunk = self._file.read(size)
        self._ended = not chunk
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return not self._ended


def _decoded(text: str, at: int) -> tuple[object, int]:
    try:
        return DECODER.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return LARGE_NUMBERS.raw_decode(text, at)
