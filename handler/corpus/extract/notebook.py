"""Jupyter notebooks (.ipynb) to text: their Markdown and their code, without outputs."""

import json
from typing import Any

from handler.corpus.extract.anchors import Anchors
from handler.corpus.extract.front_matter import split_front_matter
from handler.corpus.extract.markdown import add_markdown
from handler.corpus.extract.outline import Extract, Outline
from handler.errors import UnreadableFile


def extract_notebook(text: str) -> Extract:
    """Return the text of a notebook.

    Raises:
        UnreadableFile: it is no notebook.
    """
    try:
        notebook = json.loads(text)
        # Format 3 has its cells in worksheets.
        sheets = notebook.get("worksheets") or [notebook]
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        sources = [(str(cell["cell_type"]), _source(cell)) for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise UnreadableFile(f"can't be read as a notebook: {cause}; is it whole?") from cause
    outline, anchors = Outline(), Anchors()
    fields: dict[str, Any] = {}
    for number, (kind, source) in enumerate(sources):
        if kind in ("raw", "markdown") and number == 0:
            fields, source = split_front_matter(source)
        if kind == "markdown":
            add_markdown(outline, source, anchors)
        elif kind == "heading":
            outline.heading(int(cells[number].get("level", 1)), source, anchors.of(source))
        elif kind == "code":
            outline.block(source)
    return outline.finish(str(fields.pop("title", "")), fields)


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return source if isinstance(source, str) else "".join(source)
