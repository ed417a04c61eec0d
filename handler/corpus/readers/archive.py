"""ZIP and tar archives: their members are read as files are, one after the other."""

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import IO

from handler.corpus.names import is_corpus_name
from handler.corpus.readers.source import Head, Note, Raw, Source, reading
from handler.errors import UnreadableFile

NAME = "archive"
DOCUMENTS = False
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
MAX_DEPTH = 3
MAX_MEMBERS = 1_000_000
# A member that unpacks to more than this, and to so many times its size, is a bomb.
LARGE = 100_000_000
MAX_RATIO = 1000


def matches(head: Head) -> bool:
    """Tell whether it begins as an archive does; kinds that are archives inside come before."""
    return head.data.startswith(ZIP) or head.data[257:262] == b"ustar"


def read(source: Source) -> Iterator[Raw | Source | Note]:
    """Yield the members that can be part of a corpus, as sources."""
    if source.depth >= MAX_DEPTH:
        raise UnreadableFile(f"an archive inside {MAX_DEPTH} others; unpack it")
    if source.head.data.startswith(ZIP):
        yield from _zip(source)
    else:
        yield from _tar(source)


def _zip(source: Source) -> Iterator[Source]:
    with source.local() as path:
        try:
            with zipfile.ZipFile(path) as archive:
                members = [each for each in archive.infolist() if not each.is_dir()]
                if len(members) > MAX_MEMBERS:
                    raise UnreadableFile(f"holds more than {MAX_MEMBERS:,} files; split it")
                for member in members:
                    if _is_wanted(member.filename):
                        yield _member(source, member.filename, partial(_opened, archive, member))
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as cause:
            raise UnreadableFile(f"not a whole ZIP archive: {cause}; make it anew") from cause


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    if member.flag_bits & 1:
        raise UnreadableFile("encrypted; unpack it with its password first")
    if member.file_size > LARGE and member.file_size > MAX_RATIO * member.compress_size:
        raise UnreadableFile(
            f"{member.compress_size:,} bytes claim to be {member.file_size:,}: a bomb"
        )
    try:
        return archive.open(member)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, RuntimeError) as cause:
        raise UnreadableFile(f"can't be unpacked: {cause}") from cause


def _tar(source: Source) -> Iterator[Source]:
    """Yield the members while the archive streams by: each must be read before the next."""
    try:
        with (
            reading(),
            source.open() as file,
            tarfile.open(fileobj=file, mode="r|", errors="replace") as archive,
        ):
            for number, member in enumerate(archive):
                if number >= MAX_MEMBERS:
                    raise UnreadableFile(f"holds more than {MAX_MEMBERS:,} files; split it")
                # Links and devices lead out of the archive; nothing is unpacked to the disk by name.
                if member.isfile() and _is_wanted(member.name):
                    yield from _streamed(source, archive, member)
                archive.members = []  # type: ignore[attr-defined]
    except tarfile.TarError as cause:
        raise UnreadableFile(f"not a whole tar archive: {cause}; make it anew") from cause


def _streamed(
    source: Source, archive: tarfile.TarFile, member: tarfile.TarInfo
) -> Iterator[Source]:
    """Yield a member as a copy in the work folder, as a stream can't be read twice."""
    with source.copied(archive.extractfile(member) or io.BytesIO()) as path:
        yield _member(source, member.name, partial(path.open, "rb"))


def _is_wanted(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return is_corpus_name("/".join(part for part in parts if part not in ("/", ".", ".."))) and (
        "__MACOSX" not in parts
    )


def _member(source: Source, name: str, opened: partial[IO[bytes]]) -> Source:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    inside = "/".join(part for part in parts if part not in ("/", ".", ".."))
    return source.member(inside, opened)
