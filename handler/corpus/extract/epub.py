"""EPUB books to text and chapters: a ZIP of XHTML in the order of its spine."""

import posixpath
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from handler.corpus.extract.containers import local, member, opened_zip, parsed, texts
from handler.corpus.extract.html import add_fragment
from handler.corpus.extract.outline import Extract, Outline
from handler.errors import UnreadableFile

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
# Fonts may be obfuscated in a book that is free otherwise.
FONT_ALGORITHMS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
NOT_TEXT = {"nav", "cover-image"}


def extract_epub(path: Path) -> Extract:
    """Return the text of a book in reading order.

    Raises:
        UnreadableFile: it is damaged, encrypted, too large, or lacks its list of contents.
    """
    with opened_zip(path, "an EPUB book") as archive:
        _check_open(archive)
        package, root = _package(archive)
        fields = _fields(root)
        outline = Outline()
        for name in _spine(root, package):
            if name in archive.NameToInfo:
                add_fragment(outline, member(archive, name).decode("utf-8", errors="replace"))
    return outline.finish(fields.pop("title", ""), fields)


def _check_open(archive: zipfile.ZipFile) -> None:
    if ENCRYPTION not in archive.NameToInfo:
        return
    methods = (
        node for node in parsed(archive, ENCRYPTION).iter() if local(node) == "EncryptionMethod"
    )
    if any(node.get("Algorithm") not in FONT_ALGORITHMS for node in methods):
        raise UnreadableFile("an encrypted EPUB book (DRM); it can't be read")


def _package(archive: zipfile.ZipFile) -> tuple[str, Element]:
    """Return the name and the root of the package document, which lists what the book consists of."""
    for node in parsed(archive, CONTAINER).iter():
        if local(node) == "rootfile" and (name := node.get("full-path")):
            return name, parsed(archive, name)
    raise UnreadableFile(f"an EPUB book whose {CONTAINER} names no package")


def _fields(root: Element) -> dict[str, Any]:
    names = {
        "title": "title",
        "creator": "author",
        "language": "language",
        "publisher": "publisher",
        "date": "date",
        "description": "description",
    }
    fields: dict[str, Any] = {}
    for name, field in names.items():
        if found := texts(root, name):
            several = field == "author" and len(found) > 1
            fields[field] = found if several else found[0]
    if subjects := texts(root, "subject"):
        fields["tags"] = subjects
    return fields


def _spine(root: Element, package: str) -> list[str]:
    """Return the names of the chapters, in reading order, without the table of contents."""
    items = {node.get("id"): node for node in root.iter() if local(node) == "item"}
    names = []
    for node in root.iter():
        item = items.get(node.get("idref")) if local(node) == "itemref" else None
        if item is None or NOT_TEXT & set(str(item.get("properties") or "").split()):
            continue
        place = posixpath.join(posixpath.dirname(package), unquote(str(item.get("href"))))
        names.append(posixpath.normpath(place))
    return names
