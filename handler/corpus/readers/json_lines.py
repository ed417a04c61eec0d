"""JSON lines: an object on each line, under any ending."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

from pydantic_core import from_json

from handler.corpus.bounds import Lines, Oversized
from handler.corpus.readers.source import Head, Note, Raw, Source, reading
from handler.corpus.readers.text import encoding_of, shown

NAME = "JSON lines"
DOCUMENTS = False
ENDINGS = (".jsonl", ".ndjson")
ARRAY = re.compile(r"\[\s*(?:\{|$)")
DECODER = json.JSONDecoder()
# Python refuses to read integers of thousands of digits; these become texts.
LARGE_NUMBERS = json.JSONDecoder(
    parse_int=lambda digits: int(digits) if len(digits) < 20 else digits
)


def matches(head: Head) -> bool:
    """Tell whether the first line is a whole object and another one follows, or the ending says so."""
    line, _, rest = head.text.strip().partition("\n")
    if head.ending in ENDINGS:
        is_other = ARRAY.match(line) is not None or line.strip() == "{"
        return not is_other and (head.is_text or head.data.lstrip().startswith(b"{"))
    # A single object may hold all records.
    if not line.startswith("{") or not rest.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def read(source: Source) -> Iterator[Raw | Note]:
    """Yield a record for each line that is not blank."""
    encoding = encoding_of(source)
    if shown(encoding) == "UTF-8":
        yield from _lines(source, source.open)
        return
    yield Note("encoding", shown(encoding))
    yield from _lines(source, lambda: _recoded(source, encoding))


def _recoded(source: Source, encoding: str) -> IO[bytes]:
    return cast(IO[bytes], codecs.EncodedFile(source.open(), "utf-8", encoding, "replace"))


def _lines(source: Source, opened: Callable[[], IO[bytes]]) -> Iterator[Raw]:
    with reading(), opened() as file:
        lines = Lines(file, source.options.bounds)
        while True:
            lines.begin_record()
            try:
                text = next(lines).removeprefix(b"\xef\xbb\xbf").strip()
            except StopIteration:
                return
            except Oversized as problem:
                yield Raw(lines.number, str(problem))
                continue
            if text:
                yield _record(lines.number, text)


def _loads(text: bytes) -> Any:
    # Twice as fast as Python's decoder, which has the last word: it says where and why in its own words.
    try:
        return from_json(text)
    except ValueError:
        pass
    try:
        return json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:
        return LARGE_NUMBERS.decode(text.decode())


def _record(line: int, text: bytes) -> Raw:
    try:
        record = _loads(text)
    except UnicodeDecodeError as cause:
        return Raw(line, f"not UTF-8 at byte {cause.start}")
    except (ValueError, RecursionError) as cause:
        return Raw(line, f"not JSON: {cause}")
    except MemoryError:
        return Raw(line, "too large for the memory")
    return Raw(line, record if isinstance(record, dict) else "not a JSON object")
