"""What readers of whole documents share: the content of a source, and the document that it becomes."""

import codecs
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from handler.corpus.bounds import read_whole
from handler.corpus.extract.outline import Extract
from handler.corpus.links import FOLDER_PAGES, link_of
from handler.corpus.readers.source import Note, Raw, Source, reading
from handler.corpus.readers.text import encoding_of, shown
from handler.errors import QuerytowerError, UnreadableFile, missing_library

UTF_8 = {"utf-8", "utf-8-sig", "ascii"}
# The share of characters that may be wrong, as where a file was put together of several.
MOST_WRONG = 0.01
POST_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-(.+)")


def data_of(source: Source) -> bytes:
    """Return the bytes of a source.

    Raises:
        UnreadableFile: they can't be read, or there are more than the options allow.
    """
    with reading(), source.open() as file:
        return read_whole(file, source.options.bounds)


def text_document(
    source: Source, kind: str, extract: Callable[[str], Extract], declared: str = ""
) -> Iterator[Raw | Note]:
    """Yield the document that a text file is, and its encoding if that is not UTF-8.

    Args:
        source: where the bytes are.
        kind: what people call the kind.
        extract: makes the document of a text, whose lines a line feed alone ends.
        declared: the encoding that the file names itself, if it does.

    Raises:
        UnreadableFile: it can't be read, is too large, or has another encoding than it seems.
        CorpusError: a library is missing.
    """
    given = source.options.encoding
    encoding = declared if declared and not given else encoding_of(source)
    text = _decoded(data_of(source), encoding)
    if codecs.lookup(encoding).name not in UTF_8:
        yield Note("encoding", shown(encoding))
    with needing(source, kind):
        found = extract(text)
    yield raw_document(source, found)


def _decoded(data: bytes, encoding: str) -> str:
    """Return bytes as text without a mark; a few that are wrong are replaced."""
    try:
        text = data.decode(encoding, errors="replace")
    except (LookupError, UnicodeError) as cause:
        raise UnreadableFile(f"not {encoding}: {cause}; give --encoding") from cause
    if text.count("\ufffd") > MOST_WRONG * len(text):
        raise UnreadableFile(f"not {encoding} for the most part; give --encoding")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def needing(source: Source, kind: str) -> Iterator[None]:
    """Turn what libraries raise into what readers do, whatever a file holds.

    Raises:
        CorpusError: a library is missing; the message has the command that installs it.
        UnreadableFile: a library can't read the file.
    """
    try:
        yield
    except QuerytowerError:
        raise
    except ImportError as cause:
        raise missing_library(
            f"{source.name} is {kind}, which", str(cause.name), "files"
        ) from cause
    except RecursionError as cause:
        raise UnreadableFile(f"can't be read as {kind}: it is nested too deeply") from cause
    except Exception as cause:
        problem = f"{type(cause).__name__} {cause}".strip()
        raise UnreadableFile(f"can't be read as {kind}: {problem}"[:300]) from cause


def raw_document(source: Source, extract: Extract) -> Raw:
    """Return what was extracted from a source as its document, which gets a title if it has none.

    A source without any text is no document, whatever its name.
    """
    title, day = _name(source.name)
    fields = dict(extract.fields)
    if day and "date" not in fields:
        fields["date"] = day
    if extract.text or extract.title:
        fields["title"] = extract.title or title
    fields["text"] = extract.text
    fields["url"] = link_of(source.name, fields, source.options.base_url)
    return Raw(1, fields, extract.sections)


def _name(name: str) -> tuple[str, str]:
    """Return the title that a file's name makes, and the day that Jekyll puts in front of it."""
    path = PurePosixPath(name.removesuffix(".gz"))
    stem = path.stem
    if stem.lower() in FOLDER_PAGES and path.parent.name:
        stem = path.parent.name
    post = POST_NAME.fullmatch(stem)
    return (post[2], post[1]) if post else (stem, "")
