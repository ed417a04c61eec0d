"""Books and letters, written here and packed as Word and e-book programs pack them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

CHAPTERS = {
    "Chapter 1. The Ferry": "Old Marit rowed the ferry across the sound each morning.\n\nNobody paid, and she never asked.",
    "Chapter 2. The Letter": "A letter came from her sister in Bergen, who wanted to sell the house.\n\nMarit burned it.",
    "Chapter 3. The Storm": "The storm took the boat, but the rope held until the lighthouse was lit.",
}
EPUB_PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Ferry &amp; the Storm</dc:title>
<dc:creator>Ida Holm</dc:creator><dc:language>en</dc:language><dc:date>1921-05-01</dc:date>
<dc:subject>sea</dc:subject><dc:subject>sisters</dc:subject></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>{items}</manifest>
<spine><itemref idref="nav"/>{refs}<itemref idref="gone"/></spine></package>"""
XHTML = """<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml">
<head><title>x</title><style>p {{}}</style></head><body><h1>{title}</h1>{body}</body></html>"""
CONTAINER = """<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""


def novel_text() -> str:
    """Return the novel as plain text."""
    parts = [f"{title}\n\n{text}" for title, text in CHAPTERS.items()]
    return "THE FERRY AND THE STORM\n\nby Ida Holm\n\n\n" + "\n\n\n".join(parts) + "\n"


def write_epub(path: Path, more: Mapping[str, str] | None = None) -> Path:
    """Write the novel as EPUB, with further members."""
    members = {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/nav.xhtml": XHTML.format(title="Contents", body=""),
    }
    items, refs = "", ""
    for number, (title, text) in enumerate(CHAPTERS.items()):
        body = "".join(f"<p>{each}</p>" for each in text.split("\n\n"))
        members[f"OEBPS/text/c {number}.xhtml"] = XHTML.format(title=title, body=body)
        items += f'<item id="c{number}" href="text/c%20{number}.xhtml" media-type="application/xhtml+xml"/>'
        refs += f'<itemref idref="c{number}"/>'
    members["OEBPS/content.opf"] = EPUB_PACKAGE.format(items=items, refs=refs)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), "application/epub+zip")
        for name, content in (members | dict(more or {})).items():
            archive.writestr(name, content)
    return path


def write_docx(path: Path, paragraphs: list[tuple[str, str]], title: str = "") -> Path:
    """Write paragraphs, each a style and a text, as a Word document."""
    names = sorted({style for style, _ in paragraphs if style})
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="S{n}"><w:name w:val="{name}"/></w:style>'
        for n, name in enumerate(names)
    )
    body = ""
    for style, text in paragraphs:
        properties = f'<w:pPr><w:pStyle w:val="S{names.index(style)}"/></w:pPr>' if style else ""
        body += f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"
    word = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    members = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f"<w:document {word}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "word/styles.xml": f"<w:styles {word}>{styles}</w:styles>",
        "docProps/core.xml": f'<cp:coreProperties xmlns:cp="{package}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"><dc:title>{title}</dc:title><dc:creator>Ann</dc:creator><dcterms:created>2024-01-02T03:04:05Z</dcterms:created></cp:coreProperties>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
