"""XML that holds records: RSS and Atom feeds, product feeds, and exports with an element for each row."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from handler.corpus.readers.source import Head, Raw, Source, reading
from handler.errors import UnreadableFile

NAME = "XML"
DOCUMENTS = False
ENDINGS = (".xml", ".rss", ".atom", ".rdf")
CHUNK = 1 << 16
# Elements that are records, whatever is around them.
RECORD = re.compile(
    r"<(?:\w+:)?(item|entry|product|offer|row|record|book|doc|article|post)\b", re.IGNORECASE
)
# A document type may define entities, which grow, or name files.
DOCTYPE = re.compile(rb"<!DOCTYPE", re.IGNORECASE)


def matches(head: Head) -> bool:
    """Tell whether it is XML by ending and beginning, and has an element that is a record."""
    text = head.text.lstrip()
    return head.ending in ENDINGS and text.startswith("<") and RECORD.search(text) is not None


def read(source: Source) -> Iterator[Raw]:
    """Yield a record for each element of the kind that comes first."""
    if DOCTYPE.search(source.head.data):
        raise UnreadableFile("XML with a document type is not read; remove its DOCTYPE")
    found = RECORD.search(source.head.text)
    kind = found[1].lower() if found else ""
    parser: Any = XMLPullParser(["start", "end"])
    number, since, inside = 0, 0, 0
    open_elements: list[Element] = []
    element: Any
    with reading(), source.open() as file:
        try:
            while chunk := file.read(CHUNK):
                parser.feed(chunk)
                since += len(chunk)
                for event, element in parser.read_events():
                    if event == "start":
                        open_elements.append(element)
                        inside += _name(element.tag).lower() == kind
                        continue
                    open_elements.pop()
                    if _name(element.tag).lower() != kind:
                        continue
                    inside -= 1
                    if inside:
                        continue
                    number, since = number + 1, 0
                    yield Raw(number, _fields(element))
                    if open_elements:
                        open_elements[-1].remove(element)
                if since > source.options.bounds.record_bytes:
                    raise UnreadableFile(
                        f"an element has more than {source.options.bounds.record_bytes:,} bytes; "
                        "split it, or raise QUERYTOWER_MAX_RECORD_BYTES"
                    )
            parser.close()
        except (ParseError, ValueError, LookupError) as cause:
            raise UnreadableFile(f"not whole XML after record {number}: {cause}") from cause


def _fields(element: Element) -> dict[str, Any]:
    """Return attributes and children as fields; a child that comes several times is a list."""
    fields: dict[str, Any] = {_name(name): value for name, value in element.attrib.items()}
    for child in element:
        name, value = _name(child.tag), _value(child)
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    if not len(element) and (element.text or "").strip():
        fields["text"] = element.text
    return fields


def _value(element: Element) -> Any:
    text = (element.text or "").strip()
    if not len(element):
        return text or element.attrib.get("href") or element.attrib.get("term") or ""
    mixed = text or any((child.tail or "").strip() for child in element)
    return " ".join("".join(element.itertext()).split()) if mixed else _fields(element)


def _name(tag: str) -> str:
    """Return a name without its namespace."""
    return tag.rpartition("}")[2]
