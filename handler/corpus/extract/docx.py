"""Word documents (.docx) to text and sections, through the HTML that mammoth makes of their styles."""

import zipfile
from pathlib import Path
from typing import Any

from handler.corpus.extract.containers import opened_zip, parsed, texts
from handler.corpus.extract.html import add_fragment
from handler.corpus.extract.outline import Extract, Outline
from handler.errors import UnreadableFile

# Styles by the names that every language of Word stores.
STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"
MAIN = "word/document.xml"
PROPERTIES = "docProps/core.xml"


def extract_docx(path: Path) -> Extract:
    """Return the text of a Word document.

    The title is that of its properties, or else its first heading.

    Raises:
        UnreadableFile: it is damaged, encrypted, or too large.
    """
    import mammoth

    with opened_zip(path, "a Word document") as archive:
        fields = _properties(archive)
        parsed(archive, MAIN)
    try:
        with path.open("rb") as file:
            found = mammoth.convert_to_html(
                file, style_map=STYLES, convert_image=mammoth.images.img_element(lambda _: {})
            )
    except (KeyError, ValueError, AttributeError, IndexError, TypeError, RecursionError) as cause:
        raise UnreadableFile(f"can't be read as a Word document: {cause}") from cause
    outline = Outline()
    add_fragment(outline, found.value)
    return outline.finish(fields.pop("title", ""), fields)


def _properties(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Return what the document says about itself, under the names that front matter has."""
    try:
        root = parsed(archive, PROPERTIES)
    except KeyError:
        return {}
    names = {"title": "title", "creator": "author", "description": "description", "created": "date"}
    fields: dict[str, Any] = {}
    for name, field in names.items():
        if found := texts(root, name):
            fields[field] = found[0]
    if words := texts(root, "keywords"):
        fields["keywords"] = [word.strip() for word in words[0].split(",") if word.strip()]
    return fields
