"""What readers read and yield: bytes with a name, from a file or from inside one, and raw records."""

import gzip
import io
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple, Self, cast

from handler.corpus.bounds import BoundedStream, Bounds
from handler.corpus.document import Section
from handler.corpus.findings import Findings
from handler.corpus.options import DEFAULT_OPTIONS, ReadOptions
from handler.errors import UnreadableFile, missing_library

HEAD_BYTES = 1 << 16
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
# python-zstandard takes a file that was cut off for one that ends there.
ZSTD_MODULE = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
PACKED = re.compile(r"\.(?:gz|bz2|xz|zst)$", re.IGNORECASE)
UTF_16 = (b"\xff\xfe", b"\xfe\xff")

Opened = Callable[[], IO[bytes]]


class Raw(NamedTuple):
    """A record or a document as it was found: its line, row or page, from 1, and its fields.

    What is broken comes as a text: the reason. `sections` divide the text of a document, whose text
    has no white space around it.
    """

    line: int
    fields: Mapping[str, Any] | str
    sections: tuple[Section, ...] = ()


class Note(NamedTuple):
    """Something about the whole source that a reader found out, such as its encoding; for people."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Head:
    """The first bytes of a source, by which its kind is recognised; `whole` if they are all.

    `given` says that the user named this very file, and not a folder or an archive around it.
    """

    name: str
    data: bytes
    whole: bool
    given: bool

    @property
    def ending(self) -> str:
        """The ending of the name in lower case, such as .csv; only a hint."""
        return PurePosixPath(self.name).suffix.lower()

    @cached_property
    def is_text(self) -> bool:
        """Whether this can be text: UTF-16 or UTF-32 with a mark, or bytes without NUL."""
        return self.data.startswith(UTF_16) or b"\0" not in self.data

    @cached_property
    def text(self) -> str:
        """The head as text, as well as it goes; empty if it is not text. Good enough to recognise a kind."""
        if not self.is_text:
            return ""
        encoding = "utf-16" if self.data.startswith(UTF_16) else "utf-8-sig"
        return self.data.decode(encoding, errors="replace")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Bytes to read. `open` starts at their beginning each time; compressed ones are unpacked.

    `open` ends with UnreadableFile after as many bytes as the options allow.

    Attributes:
        name: what the corpus calls it: its path, and for a member of an archive the path inside,
            after a slash.
        open: returns the bytes as a new stream.
        options: how to read.
        path: a file with exactly these bytes, if there is one.
        scratch: work folder for copies; None: the system's temporary folder.
        depth: how many archives are around it.
        given: whether the user named this very file.
        findings: is told what was found out about the source.
    """

    name: str
    open: Callable[[], IO[bytes]]
    options: ReadOptions = DEFAULT_OPTIONS
    path: Path | None = None
    scratch: Path | None = None
    depth: int = 0
    given: bool = False
    findings: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        """Bound every stream, whoever made the source."""
        object.__setattr__(self, "open", partial(_bounded, self.open, self.options.bounds))

    @classmethod
    def of_file(
        cls,
        path: Path,
        name: str,
        options: ReadOptions = DEFAULT_OPTIONS,
        scratch: Path | None = None,
        *,
        given: bool = False,
        findings: Findings | None = None,
    ) -> Self:
        """Return the content of a file; that of a gzip file is what was compressed."""
        findings = findings or Findings()
        opened, packed = unpacked(partial(_counted, path, findings), name)
        return cls(
            name=name,
            open=opened,
            options=options,
            path=None if packed else path,
            scratch=scratch,
            given=given,
            findings=findings,
        )

    def member(self, name: str, opened: Callable[[], IO[bytes]]) -> Self:
        """Return a source inside this one; it is unpacked as files are."""
        try:
            opened, _ = unpacked(opened, name)
        except UnreadableFile as problem:
            opened = partial(_fail, problem)
        return replace(
            self,
            name=f"{self.name}/{name}",
            open=opened,
            path=None,
            depth=self.depth + 1,
            given=False,
        )

    @cached_property
    def head(self) -> Head:
        """The first bytes.

        Raises:
            UnreadableFile: they can't be read.
        """
        with reading(), self.open() as file:
            data = file.read(HEAD_BYTES)
            whole = not file.read(1)
        return Head(name=PACKED.sub("", self.name), data=data, whole=whole, given=self.given)

    @contextmanager
    def local(self) -> Iterator[Path]:
        """Lend a file with these bytes, for readers that need to seek; a copy is removed afterwards."""
        if self.path:
            yield self.path
            return
        with reading():
            file = self.open()
        with file, self.copied(file) as copy:
            yield copy

    @contextmanager
    def copied(self, file: IO[bytes]) -> Iterator[Path]:
        """Lend a copy of a stream in the work folder, no larger than an object may be."""
        with tempfile.NamedTemporaryFile(dir=self.scratch, prefix="member-") as copy:
            with reading():
                bounded = _bounded(lambda: file, self.options.bounds)
                shutil.copyfileobj(bounded, copy, 1 << 20)
            copy.flush()
            yield Path(copy.name)


class _CountedFile(io.FileIO):
    """A file whose bytes are counted while they are read."""

    findings: Findings

    def readinto(self, buffer: Any, /) -> int | None:
        count = super().readinto(buffer)
        self.findings.bytes += count or 0
        return count


def _counted(path: Path, findings: Findings) -> IO[bytes]:
    file = _CountedFile(path)
    file.findings = findings
    return io.BufferedReader(file, HEAD_BYTES)


def _fail(problem: UnreadableFile) -> IO[bytes]:
    raise problem


def _bounded(open_stream: Callable[[], IO[bytes]], bounds: Bounds) -> IO[bytes]:
    return io.BufferedReader(BoundedStream(open_stream(), bounds), HEAD_BYTES)


def unpacked(opened: Opened, name: str) -> tuple[Opened, bool]:
    """Return how to open what may be compressed, and whether it is.

    Raises:
        UnreadableFile: the first bytes can't be read.
        CorpusError: a library is missing.
    """
    with reading(), opened() as file:
        magic = file.read(6)
    if magic.startswith(GZIP):
        return lambda: cast(IO[bytes], gzip.open(opened())), True
    if magic.startswith(b"BZh"):
        return lambda: cast(IO[bytes], import_module("bz2").open(opened())), True
    if magic.startswith(b"\xfd7zXZ"):
        return lambda: cast(IO[bytes], import_module("lzma").open(opened())), True
    if magic.startswith(ZSTD):
        try:
            zstd = import_module(ZSTD_MODULE)
        except ImportError as cause:
            raise missing_library(name, ZSTD_MODULE, "zstd") from cause
        return lambda: cast(IO[bytes], zstd.open(opened())), True
    return opened, False


@contextmanager
def reading() -> Iterator[None]:
    """Turn what can go wrong while bytes are read and unpacked into UnreadableFile."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as cause:
        raise UnreadableFile(f"not a whole gzip file: {cause}; make it anew") from cause
    except OSError as cause:
        raise UnreadableFile(f"can't be read: {cause.strerror or cause}") from cause
    except Exception as cause:
        # Of libraries that are not imported unless they are needed.
        if type(cause).__name__ not in ("BadZipFile", "LZMAError", "ZstdError"):
            raise
        raise UnreadableFile(f"compressed, and damaged: {cause}; make it anew") from cause
