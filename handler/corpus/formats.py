"""The file formats of a corpus: JSONL, CSV, Parquet, Markdown and text, each also as .gz, to records."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from handler.corpus.bounds import DEFAULT_BOUNDS, Bounds, Lines, Oversized, read_whole
from handler.errors import CorpusError, install_command

TABLE_ENDINGS = (".jsonl", ".ndjson", ".csv", ".parquet")
PAGE_ENDINGS = (".md", ".markdown", ".txt")
KINDS = f"{', '.join(TABLE_ENDINGS)} (also .gz), or a folder of {', '.join(PAGE_ENDINGS)}"

FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\s*", re.DOTALL | re.MULTILINE)
FRONT_MATTER_LINE = re.compile(
    r"^([A-Za-z_][\w-]*):[ \t]*[\"']?([^\r\n]+?)[\"']?[ \t]*\r?$", re.MULTILINE
)
HEADING = re.compile(r"\A\s*#[ \t]+(.+?)[ \t#]*(?:\r?\n|\Z)")
NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(\.\d+)?(?:[eE][-+]?\d{1,2})?")

# A record is a mapping of fields, or the reason why there is none.
Record = Mapping[str, Any] | str


def corpus_files(path: Path) -> list[Path]:
    """Return the files that a corpus consists of, sorted: the file itself, or those of a folder by kind.

    Raises:
        CorpusError: nothing is there, or nothing of a known kind.
    """
    if path.is_dir():
        inside = (
            p
            for p in path.rglob("*")
            if not any(part.startswith(".") for part in p.relative_to(path).parts)
        )
        files = sorted(
            p for p in inside if p.is_file() and _ending(p) in TABLE_ENDINGS + PAGE_ENDINGS
        )
    elif path.is_file():
        files = [path] if _ending(path) in TABLE_ENDINGS + PAGE_ENDINGS else []
    else:
        raise CorpusError(f"{path} does not exist; give a file or a folder: {KINDS}")
    if not files:
        raise CorpusError(f"{path} is or holds no file of a known kind; a corpus is {KINDS}")
    return files


def is_corpus_name(path: str) -> bool:
    """Tell whether a path names a file of a known kind that is not hidden."""
    hidden = any(part.startswith(".") for part in path.split("/"))
    return not hidden and _ending(Path(path)) in TABLE_ENDINGS + PAGE_ENDINGS


def is_page(path: Path) -> bool:
    """Tell whether the whole file is one document."""
    return _ending(path) in PAGE_ENDINGS


def read_records(path: Path, bounds: Bounds = DEFAULT_BOUNDS) -> Iterator[tuple[int, Record]]:
    """Yield (line, record) for each record of one file, counted from 1; broken ones as the reason.

    Raises:
        CorpusError: the file can't be read at all.
    """
    ending = _ending(path)
    if ending == ".parquet":
        yield from _parquet(path)
        return
    reader = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}.get(ending, _page)
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            yield from reader(cast(IO[bytes], file), bounds)
    except (EOFError, gzip.BadGzipFile, zlib.error) as cause:
        raise CorpusError(f"{path} is not a whole gzip file: {cause}; make it anew") from cause
    except OSError as cause:
        raise CorpusError(f"{path} can't be read: {cause.strerror}") from cause


def _ending(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _jsonl(file: IO[bytes], bounds: Bounds) -> Iterator[tuple[int, Record]]:
    lines = Lines(file, bounds)
    while True:
        lines.begin_record()
        try:
            text = next(lines).removeprefix(b"\xef\xbb\xbf").strip()
        except StopIteration:
            return
        except Oversized as problem:
            yield lines.number, str(problem)
            continue
        if text:
            yield lines.number, _json_object(text)


def _json_object(raw: bytes) -> Record:
    try:
        record = json.loads(raw)
    except UnicodeDecodeError as cause:
        return f"not UTF-8 at byte {cause.start}"
    except (ValueError, RecursionError) as cause:
        return f"not JSON: {cause}"
    except MemoryError:
        return "too large for the memory"
    return record if isinstance(record, dict) else "not a JSON object"


def _csv(file: IO[bytes], bounds: Bounds) -> Iterator[tuple[int, Record]]:
    csv.field_size_limit(2**31 - 1)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    lines = Lines(text, bounds)
    rows = csv.DictReader(lines, strict=True)
    line = 2
    while True:
        lines.begin_record()
        try:
            yield line, _csv_record(next(rows))
        except StopIteration:
            return
        except Oversized as problem:
            yield line, str(problem)
        except csv.Error as cause:
            yield line, f"not CSV: {cause}"
        line = lines.number + 1


def _csv_record(row: dict[str | None, Any]) -> Record:
    if None in row or None in row.values():
        return "has another number of columns than the header"
    if any("\udc80" <= character <= "\udcff" for cell in row.values() for character in cell):
        return "not UTF-8"
    return {str(name): cell for name, cell in row.items() if cell != ""}


def typed_cell(text: str) -> str | int | float | bool:
    """Read a CSV cell as the number or truth value that it spells; numbers with leading zeros stay text."""
    if match := NUMBER.fullmatch(text):
        return float(text) if match[1] or "e" in text.lower() else int(text)
    return {"true": True, "false": False}.get(text.lower(), text)


def _page(file: IO[bytes], bounds: Bounds) -> Iterator[tuple[int, Record]]:
    try:
        data = read_whole(file, bounds)
    except Oversized as problem:
        yield 1, str(problem)
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        yield data.count(b"\n", 0, cause.start) + 1, f"not UTF-8 at byte {cause.start}"
        return
    record: dict[str, Any] = {}
    if front := FRONT_MATTER.match(text):
        record = dict(FRONT_MATTER_LINE.findall(front[1]))
        text = text[front.end() :]
    if heading := HEADING.match(text):
        record.setdefault("title", heading[1])
        text = text[heading.end() :]
    yield 1, record | {"text": text}


def _parquet(path: Path) -> Iterator[tuple[int, Record]]:
    try:
        from pyarrow import parquet
    except ImportError as cause:
        raise CorpusError(
            f"{path} needs pyarrow; install it with: {install_command('parquet')}"
        ) from cause
    try:
        batches = parquet.ParquetFile(path).iter_batches(batch_size=1000)
        rows = (row for batch in batches for row in batch.to_pylist())
        for line, row in enumerate(rows, start=1):
            yield line, {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()}
    except (OSError, ValueError) as cause:
        raise CorpusError(f"{path} can't be read as Parquet: {cause}") from cause
