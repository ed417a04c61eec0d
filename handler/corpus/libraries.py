"""Libraries that a corpus needs and that are not installed, said before anything is read.

The endings of names tell in no time, in a bucket too; the first bytes of one file make sure.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from handler.corpus.readers.registry import reader_of
from handler.corpus.readers.source import PACKED, ZSTD_MODULE, Source
from handler.errors import UnreadableFile, missing_library

Lend = Callable[[], AbstractContextManager[Path]]
"""Lends a file with the bytes of an object."""


class Library(NamedTuple):
    """A library for a kind of file, as its reader calls it, and the extra that installs it."""

    kind: str
    module: str
    extra: str


LIBRARIES = (
    (re.compile(r"\.(?:parquet|pq)$"), Library("Parquet", "pyarrow", "parquet")),
    (re.compile(r"\.(?:xls[xmb]?|ods)$"), Library("Excel", "python_calamine", "excel")),
    (re.compile(r"\.pdf$"), Library("PDF", "pypdfium2", "files")),
    (re.compile(r"\.docx$"), Library("Word document", "mammoth", "files")),
    (re.compile(r"\.[sx]?html?$"), Library("HTML", "selectolax", "files")),
    (re.compile(r"\.epub$"), Library("EPUB", "selectolax", "files")),
    (re.compile(r"\.(?:rst|rest)$"), Library("reStructuredText", "docutils", "files")),
)
ZSTD = Library("Zstandard", ZSTD_MODULE, "zstd")


def check_libraries(files: Iterable[tuple[str, Lend]]) -> None:
    """Look over the names of a corpus, and say which libraries its files need and which are missing.

    Of each kind that needs one, the first file is looked into: its ending may be wrong.

    Raises:
        CorpusError: some are missing; the message has the command that installs all of them.
        StoreError: a file can't be fetched.
    """
    suspects: dict[Library, list[tuple[str, Lend]]] = {}
    for name, lend in files:
        if library := _library(name):
            suspects.setdefault(library, []).append((name, lend))
    lacking = [
        (library, found)
        for library, found in suspects.items()
        if not _is_installed(library.module) and _is_of_kind(library, *found[0])
    ]
    if lacking:
        what = [
            f"{len(found):,} × {library.kind}, such as {found[0][0]}," for library, found in lacking
        ]
        modules = dict.fromkeys(library.module for library, _ in lacking)
        extras = dict.fromkeys(library.extra for library, _ in lacking)
        raise missing_library(" and ".join(what), ", ".join(modules), ",".join(extras))


def _library(name: str) -> Library | None:
    ending = PurePosixPath(name).suffix.lower()
    if ending == ".zst":
        return ZSTD
    plain = PACKED.sub("", name).lower()
    return next((library for pattern, library in LIBRARIES if pattern.search(plain)), None)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def _is_of_kind(library: Library, name: str, lend: Lend) -> bool:
    if library is ZSTD:
        return True
    try:
        with lend() as path:
            reader = reader_of(Source.of_file(path, name).head)
            return library.kind == reader.NAME
    except UnreadableFile:
        return False
