"""JSON lines: an object on each line, under any ending."""

import json
from collections.abc import Iterator
from typing import Any

from handler.corpus.bounds import Lines, Oversized
from handler.corpus.readers.source import Head, Raw, Source, reading

NAME = "JSON lines"
DOCUMENTS = False
ENDINGS = (".jsonl", ".ndjson")


def matches(head: Head) -> bool:
    """Tell whether the first line is a JSON object, or the ending says so."""
    if head.ending in ENDINGS:
        return head.is_text or head.data.lstrip().startswith(b"{")
    line, _, _ = head.text.strip().partition("\n")
    if not line.startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def read(source: Source) -> Iterator[Raw]:
    """Yield a record for each line that is not blank."""
    with reading(), source.open() as file:
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


def loads(text: bytes | str) -> Any:
    """Parse JSON; integers of thousands of digits, which Python refuses to read, become texts.

    Raises:
        ValueError: it is no JSON; UnicodeDecodeError if it is not UTF-8.
        RecursionError: it is nested some thousand deep.
    """
    try:
        return json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:
        return json.loads(
            text, parse_int=lambda digits: int(digits) if len(digits) < 20 else digits
        )


def _record(line: int, text: bytes) -> Raw:
    try:
        record = loads(text)
    except UnicodeDecodeError as cause:
        return Raw(line, f"not UTF-8 at byte {cause.start}")
    except (ValueError, RecursionError) as cause:
        return Raw(line, f"not JSON: {cause}")
    except MemoryError:
        return Raw(line, "too large for the memory")
    return Raw(line, record if isinstance(record, dict) else "not a JSON object")
