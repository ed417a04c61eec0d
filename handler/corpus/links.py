"""Links to documents: from their front matter, or made of an address and the names of files."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urljoin

# Fields of front matter and of pages that hold the address of the document, the surest first.
URL_FIELDS = ("url", "permalink", "canonical_url", "canonical", "link", "source")
# Pages that stand for their folder.
FOLDER_PAGES = {"index", "_index", "readme"}


def link_of(name: str, fields: Mapping[str, Any], base_url: str) -> str:
    """Return the link to a document, or nothing.

    Args:
        name: path of its file below the corpus.
        fields: what it says about itself.
        base_url: address of the corpus. {path} in it stands for the path, {stem} for the path without
            its ending and without "index". Without either, the path is put behind it.
    """
    given = [str(fields[field]) for field in URL_FIELDS if isinstance(fields.get(field), str)]
    for url in given:
        if url.startswith(("https://", "http://")):
            return url
    if not base_url:
        return ""
    relative = next((url for url in given[:1] if url.startswith("/")), "")
    if relative:
        return urljoin(base_url.partition("{")[0], relative)
    path = PurePosixPath(name)
    stem = path.parent if path.stem.lower() in FOLDER_PAGES else path.with_suffix("")
    parts = {"{path}": str(path), "{stem}": "" if str(stem) == "." else str(stem)}
    if not any(part in base_url for part in parts):
        return f"{base_url.rstrip('/')}/{quote(name)}"
    for part, value in parts.items():
        base_url = base_url.replace(f"/{part}/", f"/{part}/" if value else "/")
        base_url = base_url.replace(part, quote(value))
    return base_url
