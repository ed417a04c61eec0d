"""What readers of whole documents share: the content of a source, and the document that it becomes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from handler.corpus.bounds import read_whole
from handler.corpus.extract.outline import Extract
from handler.corpus.readers.source import UTF_16, Raw, Source, reading
from handler.errors import CorpusError, UnreadableFile, install_command

# Names that say nothing but "this is what the folder is about".
FOLDER_NAMES = {"index", "_index", "readme"}
NAMES = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16"}
POST_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-(.+)")


def data_of(source: Source) -> bytes:
    """Return the bytes of a source.

    Raises:
        UnreadableFile: they can't be read, or there are more than the options allow.
    """
    with reading(), source.open() as file:
        return read_whole(file, source.options.bounds)


def text_of(source: Source, declared: str = "") -> str:
    """Return a source as text, its lines ended by a line feed alone.

    Args:
        source: where the bytes are.
        declared: the encoding that the document names itself, if it does.

    Raises:
        UnreadableFile: it can't be read, is too large, or has another encoding than is expected.
    """
    data = data_of(source)
    detected = "utf-16" if data.startswith(UTF_16) else declared or "utf-8-sig"
    encoding = source.options.encoding or detected
    try:
        text = data.decode(encoding)
    except LookupError as cause:
        raise UnreadableFile(f"no encoding is called {encoding!r}; give --encoding") from cause
    except UnicodeDecodeError as cause:
        raise UnreadableFile(
            f"not {NAMES.get(encoding, encoding)} at byte {cause.start}; give --encoding"
        ) from cause
    return text.replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def needing(source: Source, kind: str) -> Iterator[None]:
    """Turn the lack of a library into CorpusError with the command that installs it."""
    try:
        yield
    except ImportError as cause:
        raise CorpusError(
            f"{source.name} is {kind}, which needs {cause.name}; "
            f"install it with: {install_command('files')}"
        ) from cause


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
    return Raw(1, fields, extract.sections)


def _name(name: str) -> tuple[str, str]:
    """Return the title that a file's name makes, and the day that Jekyll puts in front of it."""
    path = PurePosixPath(name.removesuffix(".gz"))
    stem = path.stem
    if stem.lower() in FOLDER_NAMES and path.parent.name:
        stem = path.parent.name
    post = POST_NAME.fullmatch(stem)
    return (post[2], post[1]) if post else (stem, "")
