"""ZIP files that are one document, opened within bounds."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

from handler.errors import UnreadableFile

MAX_MEMBER_BYTES = 100_000_000
MAX_BYTES = 400_000_000
MAX_MEMBERS = 20_000


@contextmanager
def opened_zip(path: Path, kind: str) -> Iterator[zipfile.ZipFile]:
    """Lend the members of a document of a kind; what they hold when unpacked is bounded.

    Raises:
        UnreadableFile: it is damaged, too large, or encrypted.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = [member.file_size for member in archive.infolist()]
            if len(sizes) > MAX_MEMBERS or sum(sizes) > MAX_BYTES:
                raise UnreadableFile(
                    f"{kind} with {len(sizes):,} parts of {sum(sizes):,} bytes; that is too large"
                )
            yield archive
    except (zipfile.BadZipFile, EOFError, NotImplementedError, KeyError) as cause:
        raise UnreadableFile(f"can't be read as {kind}: {cause}; is it whole?") from cause
    except RuntimeError as cause:
        if "password" not in str(cause):
            raise
        raise UnreadableFile(f"encrypted {kind}; save it without a password") from cause


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the content of a member.

    Raises:
        UnreadableFile: it is too large.
        KeyError: there is none of this name.
    """
    with archive.open(name) as file:
        data = file.read(MAX_MEMBER_BYTES + 1)
    if len(data) > MAX_MEMBER_BYTES:
        raise UnreadableFile(f"{name} in it has more than {MAX_MEMBER_BYTES:,} bytes")
    return data


def parsed(archive: zipfile.ZipFile, name: str) -> Element:
    """Return the root of a member in XML.

    Raises:
        UnreadableFile: it is no XML, or defines entities, which can be bombs.
        KeyError: there is none of this name.
    """
    data = member(archive, name)
    if b"<!ENTITY" in data:
        raise UnreadableFile(f"{name} in it defines entities, which are not read")
    try:
        return fromstring(data)  # noqa: S314 - without entities
    except ParseError as cause:
        raise UnreadableFile(f"{name} in it is no XML: {cause}") from cause


def texts(root: Element, name: str) -> list[str]:
    """Return the texts of all elements with a local name, whatever their namespace."""
    found = (node for node in root.iter() if local(node) == name)
    return [text for node in found if (text := "".join(node.itertext()).strip())]


def local(node: Element) -> str:
    """Return the name of an element without its namespace."""
    return str(node.tag).rpartition("}")[2]
